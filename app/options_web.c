// SPDX-License-Identifier: BSD-3-Clause
#include "options_web.h"

#include "clock.h"
#include "fail.h"
#include "options_files.h"

#include <crypt.h>
#include <gnutls/x509.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	USERS_MAX = 64,
	COST_MAX = 12, // of bcrypt: a quarter of a second; each step doubles it
	REMEMBERED = 16, // passwords that were right
	PEM_BYTES_MAX = 1 << 20,
	REFUSAL_NS = 1000000000,
};

struct user {
	const char *name, *hash; // of the file
};

struct web_users {
	struct yaml_file *file;
	unsigned count;
	struct user users[USERS_MAX];
	uint8_t remembered[REMEMBERED][SHA256_DIGEST_SIZE];
	unsigned next; // place to remember at
	uint64_t refuse_until_ns; // monotonic
};

// The file that `node` names. NULL after a complaint.
static char *read_pem(const struct yaml_node *node, struct complaints *complaints)
{
	char path[PATH_MAX];
	char *text = NULL;
	FILE *file;
	size_t got;

	if (!yaml_expect(complaints, node, YAML_SCALAR))
		return NULL;
	files_resolve(node, path);
	file = fopen(path, "re");
	if (file != NULL)
		text = calloc(1, PEM_BYTES_MAX);
	if (text == NULL) {
		yaml_complain(complaints, node, "'%s' cannot be read: %s", path, strerror(errno));
		goto end;
	}
	got = fread(text, 1, PEM_BYTES_MAX - 1, file);
	if (got == 0 || ferror(file) || !feof(file)) {
		yaml_complain(complaints, node, "'%s' is empty, too long or no file", path);
		free(text);
		text = NULL;
	}
end:
	if (file != NULL)
		fclose(file);
	return text;
}

// Complains unless certificate and key are what they should be and belong together.
static void check_pair(const struct web_config *web, const struct yaml_node *tls,
		struct complaints *complaints)
{
	gnutls_certificate_credentials_t credentials;
	const gnutls_datum_t cert = { (void *)web->cert, strlen(web->cert) };
	const gnutls_datum_t key = { (void *)web->key, strlen(web->key) };
	int ret;

	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		return;
	ret = gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
	if (ret < 0)
		yaml_complain(complaints, tls, "cert_file and key_file: %s", gnutls_strerror(ret));
	if (web->client_ca != NULL) {
		const gnutls_datum_t ca = { (void *)web->client_ca, strlen(web->client_ca) };

		if (gnutls_certificate_set_x509_trust_mem(credentials, &ca, GNUTLS_X509_FMT_PEM) <=
				0)
			yaml_complain(complaints, tls, "client_ca_file holds no certificate");
	}
	gnutls_certificate_free_credentials(credentials);
}

static bool is_word(const struct yaml_node *node, const char *const *words, const char *what,
		struct complaints *complaints)
{
	for (unsigned i = 0; words[i] != NULL; i++)
		if (strcmp(yaml_text(node), words[i]) == 0)
			return true;
	yaml_complain_word(complaints, node, what, words);
	return false;
}

static void check_keys(const struct yaml_node *map, const char *const *words,
		struct complaints *complaints)
{
	for (unsigned i = 0; i < yaml_count(map); i++)
		is_word(yaml_key(map, i), words, "key", complaints);
}

static void read_tls(
		struct web_config *web, const struct yaml_node *tls, struct complaints *complaints)
{
	static const char *const keys[] = { "cert_file", "key_file", "client_ca_file",
		"client_auth_type", "min_version", NULL };
	static const char *const versions[] = { "TLS12", "TLS13", NULL };
	static const char *const types[] = { "NoClientCert", "RequireAndVerifyClientCert", NULL };
	const struct yaml_node *cert = yaml_get(tls, "cert_file"), *key = yaml_get(tls, "key_file");
	const struct yaml_node *ca = yaml_get(tls, "client_ca_file");
	const struct yaml_node *type = yaml_get(tls, "client_auth_type");
	const struct yaml_node *version = yaml_get(tls, "min_version");
	bool is_strict = false;

	if (!yaml_expect(complaints, tls, YAML_MAP))
		return;
	check_keys(tls, keys, complaints);
	if (cert == NULL || key == NULL) {
		yaml_complain(complaints, tls, "TLS needs both cert_file and key_file");
		return;
	}
	web->cert = read_pem(cert, complaints);
	web->key = read_pem(key, complaints);
	web->priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	if (version != NULL && is_word(version, versions, "version", complaints) &&
			strcmp(yaml_text(version), "TLS13") == 0)
		web->priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
	if (type != NULL && is_word(type, types, "client_auth_type", complaints))
		is_strict = strcmp(yaml_text(type), types[1]) == 0;
	if (is_strict != (ca != NULL))
		yaml_complain(complaints, ca != NULL ? ca : type,
				"client_ca_file and client_auth_type: RequireAndVerifyClientCert "
				"belong together");
	else if (ca != NULL)
		web->client_ca = read_pem(ca, complaints);
	if (web->cert != NULL && web->key != NULL)
		check_pair(web, tls, complaints);
}

// "$2y$10$", 22 characters of salt, 31 of hash.
static bool is_bcrypt(const char *hash, unsigned *cost)
{
	char variant;

	return strlen(hash) == 60 && sscanf(hash, "$2%c$%2u$", &variant, cost) == 2 &&
			strchr("aby", variant) != NULL && hash[6] == '$';
}

static void read_users(
		struct web_config *web, const struct yaml_node *map, struct complaints *complaints)
{
	unsigned cost;

	if (!yaml_expect(complaints, map, YAML_MAP))
		return;
	if (yaml_count(map) > USERS_MAX)
		yaml_complain(complaints, map, "more than %d users", USERS_MAX);
	if (yaml_count(map) == 0)
		yaml_complain(complaints, map, "no user: leave the key out to ask no password");
	for (unsigned i = 0; i < yaml_count(map) && i < USERS_MAX; i++) {
		const struct yaml_node *hash = yaml_value(map, i);

		if (!is_bcrypt(yaml_text(hash), &cost))
			yaml_complain(complaints, hash,
					"a password is a bcrypt hash, as of: htpasswd -nBC 10 NAME");
		else if (cost > COST_MAX)
			yaml_complain(complaints, hash,
					"bcrypt of cost %u takes too long: at most %d", cost,
					COST_MAX);
		web->users->users[web->users->count++] =
				(struct user){ yaml_text(yaml_key(map, i)), yaml_text(hash) };
	}
}

struct web_config *web_config_load(const char *path, struct complaints *complaints)
{
	static const char *const keys[] = { "tls_server_config", "basic_auth_users", NULL };
	unsigned before = complaints->count;
	struct yaml_file *file = yaml_open(path, complaints);
	struct web_config *web = calloc(1, sizeof(*web));
	const struct yaml_node *tls, *users;

	if (file == NULL || web == NULL)
		goto err_web;
	web->users = calloc(1, sizeof(*web->users));
	if (web->users == NULL)
		goto err_web;
	if (yaml_expect(complaints, yaml_root(file), YAML_MAP))
		check_keys(yaml_root(file), keys, complaints);
	web->users->file = file;
	tls = yaml_get(yaml_root(file), "tls_server_config");
	users = yaml_get(yaml_root(file), "basic_auth_users");
	if (tls != NULL)
		read_tls(web, tls, complaints);
	if (users != NULL)
		read_users(web, users, complaints);
	if (complaints->count == before)
		return web;
	web_config_free(web);
	return fail_null(EINVAL);

err_web:
	yaml_close(file);
	free(web);
	return fail_null(EINVAL);
}

struct web_config *options_web(const struct options *options, struct complaints *complaints)
{
	char path[PATH_MAX];

	if (strcmp(yaml_text(options->metrics_web), "off") == 0)
		return NULL;
	files_resolve(options->metrics_web, path);
	return web_config_load(path, complaints);
}

static bool is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool web_config_is_same(const struct web_config *a, const struct web_config *b)
{
	return is_same_text(a->cert, b->cert) && is_same_text(a->key, b->key) &&
			is_same_text(a->client_ca, b->client_ca) &&
			yaml_equal(yaml_root(a->users->file), yaml_root(b->users->file));
}

static void wipe(char *text)
{
	if (text == NULL)
		return;
	explicit_bzero(text, strlen(text));
	free(text);
}

void web_config_free(struct web_config *web)
{
	if (web == NULL)
		return;
	free(web->cert);
	wipe(web->key);
	free(web->client_ca);
	yaml_close(web->users->file);
	free(web->users);
	free(web);
}

bool web_config_asks(const struct web_config *web)
{
	return web->users->count > 0;
}

static void digest_of(
		uint8_t digest[SHA256_DIGEST_SIZE], const struct user *user, const char *password)
{
	struct sha256_ctx sha256;

	sha256_init(&sha256);
	sha256_update(&sha256, strlen(user->name) + 1, (const uint8_t *)user->name);
	sha256_update(&sha256, strlen(password), (const uint8_t *)password);
	sha256_digest(&sha256, SHA256_DIGEST_SIZE, digest);
}

static bool is_remembered(const struct web_users *users, const uint8_t digest[SHA256_DIGEST_SIZE])
{
	bool is_found = false;

	for (unsigned i = 0; i < REMEMBERED; i++)
		is_found |= memeql_sec(users->remembered[i], digest, SHA256_DIGEST_SIZE);
	return is_found;
}

static bool is_right(const struct user *user, const char *password)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	bool is_same = false;
	const char *hash;

	if (data == NULL)
		return false;
	hash = crypt_rn(password, user->hash, data, sizeof(*data));
	if (hash != NULL && strlen(hash) == strlen(user->hash))
		is_same = memeql_sec(hash, user->hash, strlen(hash));
	explicit_bzero(data, sizeof(*data));
	free(data);
	return is_same;
}

enum web_access web_config_access(
		const struct web_config *web, const char *name, const char *password)
{
	struct web_users *users = web->users;
	const struct user *user = NULL;
	uint8_t digest[SHA256_DIGEST_SIZE];

	if (name == NULL || password == NULL)
		return WEB_REFUSED;
	for (unsigned i = 0; i < users->count; i++)
		if (strcmp(users->users[i].name, name) == 0)
			user = &users->users[i];
	if (user != NULL) {
		digest_of(digest, user, password);
		if (is_remembered(users, digest))
			return WEB_GRANTED;
	}
	if (clock_ns() < users->refuse_until_ns)
		return WEB_LATER;
	// A name that is not there takes as long as one that is.
	if (is_right(user != NULL ? user : &users->users[0], password) && user != NULL) {
		memcpy(users->remembered[users->next++ % REMEMBERED], digest, sizeof(digest));
		return WEB_GRANTED;
	}
	users->refuse_until_ns = clock_ns() + REFUSAL_NS;
	return WEB_REFUSED;
}
