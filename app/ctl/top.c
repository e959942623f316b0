// SPDX-License-Identifier: BSD-3-Clause
#include "top.h"

#include "dial.h"
#include "view.h"

#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 200, // between two looks at keys and signals
	LOOKS = 5, // between two questions
};

static volatile sig_atomic_t is_stopped;

static void on_signal(int)
{
	is_stopped = 1;
}

// Two summaries and where they come from.
struct top {
	const struct request *request;
	FILE *stream; // NULL: not connected
	json_t *before, *now; // NULL: none yet
};

static bool top_ask(struct top *top)
{
	json_t *answer, *message;

	if (top->stream == NULL)
		top->stream = dial(top->request->socket);
	if (top->stream == NULL)
		return false;
	answer = ask(top->stream, json_pack("{s:s}", "command", "summary"));
	message = json_incref(json_object_get(answer, "message"));
	json_decref(answer);
	if (!json_is_object(message)) {
		json_decref(message);
		fclose(top->stream);
		top->stream = NULL;
		return false;
	}
	json_decref(top->before);
	top->before = top->now;
	top->now = message;
	return true;
}

static void top_close(struct top *top)
{
	json_decref(top->before);
	json_decref(top->now);
	if (top->stream != NULL)
		fclose(top->stream);
}

static void draw(const struct top *top, bool is_answered)
{
	static struct view view;
	int row = 0;

	erase();
	if (!is_answered) {
		attron(A_BOLD);
		mvaddnstr(row++, 0, "wiretag does not answer: asking again each second; q quits",
				COLS);
		attroff(A_BOLD);
	}
	if (top->now != NULL)
		view_fill(&view, top->before, top->now, LINES - row);
	for (int i = 0; top->now != NULL && i < view.count; i++, row++) {
		if (view.lines[i].is_title)
			mvchgat(row, 0, -1, A_REVERSE, 0, NULL);
		attrset(view.lines[i].is_title ? A_REVERSE : A_NORMAL);
		mvaddnstr(row, 0, view.lines[i].text, COLS);
		attrset(A_NORMAL);
	}
	refresh();
}

// Whether the user has seen enough within the second.
static bool is_quit(const struct top *top, bool is_answered)
{
	for (int i = 0; i < LOOKS; i++) {
		int key = getch();

		if (is_stopped || key == 'q' || key == 'Q')
			return true;
		if (key == KEY_RESIZE)
			draw(top, is_answered);
	}
	return false;
}

static int run_screen(struct top *top)
{
	SCREEN *screen = isatty(STDOUT_FILENO) ? newterm(NULL, stdout, stdin) : NULL;
	json_int_t left = top->request->count;
	bool is_answered;

	if (screen == NULL) {
		fprintf(stderr,
				"wiretagctl: top needs a terminal that $TERM names; "
				"top -b prints lines\n");
		return EXIT_HOST;
	}
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	timeout(LOOK_MS);
	do {
		is_answered = top_ask(top);
		draw(top, is_answered);
	} while (!is_quit(top, is_answered) && (top->request->count == 0 || --left > 0));
	endwin();
	delscreen(screen);
	return EXIT_DONE;
}

static int print_line(const struct top *top)
{
	char line[VIEW_LINE_BYTES];

	if (top->request->is_json) {
		json_dumpf(top->now, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		view_log(line, top->before, top->now);
		puts(line);
	}
	return fflush(stdout);
}

// A line tells of the second before it, so the first comes after one.
static int run_batch(struct top *top)
{
	const struct timespec second = { 1, 0 };
	json_int_t left = top->request->count;

	do {
		nanosleep(&second, NULL);
		if (is_stopped)
			break;
		if (!top_ask(top)) {
			dial_complain(top->request->socket);
			return EXIT_HOST;
		}
		if (print_line(top) != 0)
			return EXIT_HOST;
	} while (top->request->count == 0 || --left > 0);
	return EXIT_DONE;
}

int top_run(const struct request *request)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct top top = { .request = request };
	int status = EXIT_HOST;

	setlocale(LC_ALL, "");
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!top_ask(&top))
		dial_complain(request->socket);
	else if (request->is_batch || request->is_json)
		status = run_batch(&top);
	else
		status = run_screen(&top);
	top_close(&top);
	return status;
}
