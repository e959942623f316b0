// SPDX-License-Identifier: BSD-3-Clause
// The status page. What comes from the network is only ever set as text, never as HTML.
"use strict";

const EVERY_MS = 2000;
const STEPS = ["startup", "login", "bootstrap", "network-setup", "call", "media", "teardown"];

const byId = id => document.getElementById(id);
let before = null; // the summary before this one
let hostShown = null; // the address of the host that is shown

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined)
    made.textContent = text;
  if (className)
    made.className = className;
  return made;
}

function setText(node, text) {
  if (node.textContent !== text)
    node.textContent = text;
}

function number(value) {
  return Math.round(value).toLocaleString("en");
}

function scaled(value, unit) {
  let at = 0;
  for (; value >= 1000 && at < 4; at++)
    value /= 1000;
  return (at === 0 ? Math.round(value) : value.toPrecision(3)) + " " + ["", "k", "M", "G", "T"][at] + unit;
}

function time(text) {
  const at = new Date(text);
  return isNaN(at) ? String(text) : at.toLocaleTimeString("en-GB");
}

function when(text) {
  const at = new Date(text);
  return isNaN(at) ? String(text) : at.toLocaleDateString("sv") + " " + at.toLocaleTimeString("en-GB");
}

function exactly(text) {
  return when(text) + (/\.\d{3}/.exec(text) || [""])[0];
}

// What a counter of a row grew by each second, since the summary before.
function rate(now, list, id, row, key) {
  const seconds = before ? (now.time_ns - before.time_ns) / 1e9 : 0;
  const old = before && list(before).find(other => other[id] === row[id]);
  return old && seconds > 0 ? Math.max(0, row[key] - old[key]) / seconds : 0;
}

// ---- tables

// A column: title, whether it is a number, and what fills a cell: text, or nodes to put into it.
const TABLES = {
  pairs: {
    id: row => row.from,
    columns: [["Pair", 0, r => r.pair], ["From", 0, r => r.from], ["To", 0, r => r.to],
      ["Packets/s", 1, (r, now) => scaled(rate(now, s => s.pairs, "from", r, "received"), "")],
      ["Rate", 1, (r, now) => scaled(8 * rate(now, s => s.pairs, "from", r, "bytes"), "bit/s")],
      ["Received", 1, r => number(r.received)], ["Forwarded", 1, r => number(r.forwarded)],
      ["Dropped", 1, r => number(r.dropped)], ["Not inspected", 1, r => number(r.uninspected)]],
  },
  workers: {
    id: row => row.lcore,
    columns: [["Core", 0, r => String(r.lcore)], ["NUMA", 0, r => String(r.numa)],
      ["State", 0, r => r.state, r => r.state === "polls" ? "" : "bad"],
      ["Busy", 0, (r, now) => meter(busyOf(now, r), "busy")],
      ["Packets/s", 1, (r, now) => scaled(rate(now, s => s.workers, "lcore", r, "packets"), "")],
      ["Flows", 1, r => number(r.flows)],
      ["Flow table", 0, r => meter(r.flow_capacity ? r.flows / r.flow_capacity : 0, "full")],
      ["Polled", 1, r => number(r.polled_ms_ago) + " ms ago"],
      ["Evidence lost", 1, r => number(r.evidence_lost)]],
  },
  drops: {
    id: row => row.reason,
    columns: [["Reason", 0, r => r.reason], ["What happens", 0, r => r.dropped ? "dropped" : "passed", r => r.dropped && r.packets > 0 ? "bad" : ""],
      ["A second", 1, (r, now) => number(rate(now, s => s.drops, "reason", r, "packets"))],
      ["In all", 1, r => number(r.packets)], ["Why", 0, r => r.help, () => "words"]],
  },
  apps: {
    id: row => row.app,
    columns: [["Application", 0, r => r.app],
      ["Packets/s", 1, (r, now) => scaled(rate(now, s => s.apps, "app", r, "packets"), "")],
      ["Rate", 1, (r, now) => scaled(8 * rate(now, s => s.apps, "app", r, "bytes"), "bit/s")],
      ["Flows", 1, r => number(r.flows)], ["In all", 1, r => scaled(r.bytes, "B")], ["Policy", 0, r => r.action]],
  },
  calls: {
    id: row => row.ip + " " + row.app,
    columns: [["Host", 0, r => link(r.ip)], ["Application", 0, r => r.app],
      ["Newest step", 0, r => r.step], ["Since", 1, r => time(r.since)], ["Last", 1, r => time(r.last)]],
  },
  hosts: {
    id: row => row.ip + " " + row.app,
    columns: [["Host", 0, r => link(r.ip)], ["Application", 0, r => r.app],
      ["Confidence", 0, r => r.confidence], ["Version", 0, r => r.version],
      ["Port", 1, r => r.port ? String(r.port) : ""], ["Super node", 0, r => r.super_node ? "yes" : ""],
      ["Newest step", 0, r => r.step || ""], ["Evidence", 1, r => number(r.evidence)],
      ["Last", 1, r => time(r.last)]],
  },
};

function busyOf(now, row) {
  const busy = rate(now, s => s.workers, "lcore", row, "busy_cycles");
  const all = rate(now, s => s.workers, "lcore", row, "cycles");
  return all > 0 ? busy / all : 0;
}

// {key, make, update}: a cell that is made once and then changed in place, so that focus stays.
function meter(share, word) {
  const text = (100 * share).toFixed(1) + " %";
  return {
    make: cell => { cell.append(element("meter"), " ", element("span")); },
    update: cell => {
      cell.firstChild.value = share;
      cell.firstChild.setAttribute("aria-label", word);
      setText(cell.lastChild, text);
    },
  };
}

function link(ip) {
  return {
    make: cell => { cell.append(element("a")); },
    update: cell => {
      setText(cell.firstChild, ip);
      cell.firstChild.href = "#host/" + encodeURIComponent(ip);
    },
  };
}

function fillHead(table, columns) {
  if (table.tHead.rows.length > 0)
    return;
  const row = table.tHead.insertRow();
  for (const [title, isNumber] of columns) {
    const cell = element("th", title, isNumber ? "number" : "");
    cell.scope = "col";
    row.append(cell);
  }
}

function fillRow(row, columns, data, now) {
  columns.forEach(([, isNumber, value, className], at) => {
    const content = value(data, now);
    let cell = row.cells[at];
    if (!cell) {
      cell = row.insertCell();
      if (content.make)
        content.make(cell);
    }
    if (content.update)
      content.update(cell);
    else
      setText(cell, content);
    cell.className = (isNumber ? "number " : "") + (className ? className(data) : "");
  });
}

function fillTable(name, rows, now) {
  const table = byId(name), body = table.tBodies[0], columns = TABLES[name].columns;
  const focused = document.activeElement;
  const old = new Map(Array.from(body.rows, row => [row.dataset.id, row]));

  fillHead(table, columns);
  rows.forEach((data, at) => {
    const id = String(TABLES[name].id(data));
    const row = old.get(id) || element("tr");
    old.delete(id);
    row.dataset.id = id;
    fillRow(row, columns, data, now);
    if (body.rows[at] !== row)
      body.insertBefore(row, body.rows[at] || null);
  });
  for (const row of old.values())
    row.remove();
  if (focused !== document.activeElement && focused.isConnected)
    focused.focus({ preventScroll: true });
}

function fillHistory(points) {
  const table = byId("history"), body = element("tbody");
  fillHead(table, [["Time", 0], ["Packets/s from inside", 1], ["from outside", 1],
    ["From inside", 1], ["From outside", 1], ["Dropped/s", 1], ["Not inspected/s", 1],
    ["Flows", 1], ["Busy", 1]]);
  for (let at = points.length - 1; at >= 0; at -= 10) {
    const [seconds, ...p] = points[at], row = body.insertRow();
    row.append(element("td", new Date(1000 * seconds).toLocaleTimeString("en-GB")));
    for (const text of [number(p[0]), number(p[1]), scaled(8 * p[2], "bit/s"),
      scaled(8 * p[3], "bit/s"), number(p[4]), number(p[5]), number(p[6]), (p[7] / 10).toFixed(1) + " %"])
      row.append(element("td", text, "number"));
  }
  table.tBodies[0].replaceWith(body);
}

// ---- charts

const CHARTS = [
  { title: "Packets a second", unit: "", lines: [["from inside", "--blue", p => p[1]], ["from outside", "--orange", p => p[2]]] },
  { title: "Bits a second", unit: "bit/s", lines: [["from inside", "--blue", p => 8 * p[3]], ["from outside", "--orange", p => 8 * p[4]]] },
  { title: "Packets dropped and not inspected a second", unit: "", lines: [["dropped", "--red", p => p[5]], ["not inspected", "--blue", p => p[6]]] },
  { title: "Workers busy, percent", unit: "%", most: 100, lines: [["busy", "--green", p => p[8] / 10]] },
];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function paint(made, of) {
  made.data.datasets.forEach((set, at) => { set.borderColor = colour(of.lines[at][1]); });
  for (const axis of [made.options.scales.x, made.options.scales.y]) {
    axis.ticks.color = colour("--soft");
    axis.grid.color = colour("--line");
  }
  made.options.plugins.legend.labels.color = colour("--text");
}

function makeChart(of) {
  const figure = element("figure"), box = element("div", undefined, "canvas"), canvas = element("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", of.title);
  box.append(canvas);
  figure.append(element("figcaption", of.title), box);
  byId("charts").append(figure);
  of.canvas = canvas;
  of.chart = new Chart(canvas, {
    type: "line",
    data: { datasets: of.lines.map(([label]) => ({ label, data: [], borderWidth: 1.5, pointRadius: 0 })) },
    options: {
      animation: false, parsing: false, normalized: true, maintainAspectRatio: false,
      interaction: { mode: "nearest", axis: "x", intersect: false },
      scales: {
        x: { type: "linear", grid: {}, ticks: { maxTicksLimit: 6, maxRotation: 0,
          callback(value) {
            const clock = new Date(1000 * value).toLocaleTimeString("en-GB");
            return this.max - this.min > 300 ? clock.slice(0, 5) : clock;
          } } },
        y: { min: 0, suggestedMax: of.most || 10, grid: {}, ticks: { maxTicksLimit: 5,
          callback: value => scaled(value, of.unit) } },
      },
      plugins: {
        legend: { display: of.lines.length > 1, labels: { boxHeight: 2, boxWidth: 24 } },
        tooltip: { callbacks: {
          title: items => new Date(1000 * items[0].parsed.x).toLocaleTimeString("en-GB"),
          label: item => item.dataset.label + ": " + scaled(item.parsed.y, of.unit),
        } },
      },
    },
  });
}

function fillCharts(points) {
  const newest = points.length > 0 ? points[points.length - 1] : null;
  if (typeof Chart === "undefined") {
    byId("no-charts").hidden = false;
    return;
  }
  for (const of of CHARTS) {
    if (!of.chart)
      makeChart(of);
    of.lines.forEach(([, , value], at) => {
      of.chart.data.datasets[at].data = points.map(p => ({ x: p[0], y: value(p) }));
    });
    if (newest) {
      of.chart.options.scales.x.min = Math.min(points[0][0], newest[0] - 60);
      of.chart.options.scales.x.max = newest[0];
      of.canvas.setAttribute("aria-label", of.title + ", now " +
        of.lines.map(([label, , value]) => label + " " + scaled(value(newest), of.unit)).join(", "));
    }
    paint(of.chart, of);
    of.chart.update("none");
  }
}

// ---- the overview

function fillTiles(now) {
  const status = now.status, points = now.history.points;
  const p = points.length > 0 ? points[points.length - 1] : [0, 0, 0, 0, 0, 0, 0, 0, 0];
  const tiles = [["Packets a second", scaled(p[1] + p[2], "")], ["Rate", scaled(8 * (p[3] + p[4]), "bit/s")],
    ["Dropped a second", number(p[5])], ["Busy", (p[8] / 10).toFixed(1) + " %"],
    ["Flows", number(status.flows)], ["Hosts", number(status.hosts)], ["Rules", number(status.rules)]];
  const list = byId("tiles");

  tiles.forEach(([title, text], at) => {
    let tile = list.children[at];
    if (!tile) {
      tile = element("div");
      tile.append(element("dt", title), element("dd"));
      list.append(tile);
    }
    setText(tile.lastChild, text);
  });
}

function fillHeader(status) {
  const state = byId("state");
  setText(state, status.ready ? "ready" : "not ready: " + status.reasons.join("; "));
  state.className = status.ready ? "good" : "bad";
  setText(byId("about"), "version " + status.version + ", mode " + status.mode + ", up since " +
    when(status.started) + ", " + status.config + " in force since " + when(status.reload.in_force_since));
  document.title = (status.ready ? "" : "! ") + "wiretag";
}

function fill(now) {
  const refused = now.status.reload.complaints;
  fillHeader(now.status);
  fillTiles(now);
  fillCharts(now.history.points);
  fillHistory(now.history.points);
  fillTable("pairs", now.pairs, now);
  fillTable("workers", now.workers, now);
  fillTable("drops", now.drops.filter(row => row.packets > 0), now);
  fillTable("apps", now.apps.slice().sort((a, b) => b.bytes - a.bytes), now);
  byId("calls-section").hidden = now.calls.length === 0;
  fillTable("calls", now.calls, now);
  fillTable("hosts", now.hosts, now);
  setText(byId("hosts-note"), now.status.hosts + " in all; the surest and newest are shown.");
  trouble(refused.length > 0 ? "The last reload changed nothing. " + refused.join(" ") : "");
}

function trouble(text) {
  const box = byId("trouble");
  setText(box, text);
  box.hidden = text === "";
}

// ---- one host

function fact(list, title, text) {
  const box = element("div");
  box.append(element("dt", title), element("dd", text));
  list.append(box);
}

function stepList(steps) {
  const list = element("ol", undefined, "steps");
  for (const name of STEPS) {
    const seen = steps.filter(step => step.step === name);
    const item = element("li", undefined, seen.length > 0 ? "reached" : "");
    item.append(element("b", name));
    if (seen.length > 0) {
      const at = element("time", when(seen[0].timestamp));
      at.dateTime = seen[0].timestamp;
      item.append(at);
      if (seen.length > 1)
        item.append(element("span", "and " + (seen.length - 1) + " more, last " + time(seen[seen.length - 1].timestamp)));
    } else {
      item.append(element("span", "not seen"));
    }
    list.append(item);
  }
  return list;
}

// Steps and evidence together, as they came.
function timeLine(app) {
  const list = element("ol", undefined, "events");
  const events = app.steps.map(step => ({ at: step.timestamp, step })).concat(
    app.evidence.map(evidence => ({ at: evidence.timestamp, evidence })));
  events.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : (a.step ? -1 : 1));
  for (const { at, step, evidence } of events) {
    const item = element("li", undefined, step ? "step" : "");
    const clock = element("time", exactly(at));
    clock.dateTime = at;
    item.append(clock);
    if (step) {
      item.append(element("b", "step: " + step.step));
    } else {
      item.append((evidence.words || evidence.signal) + ", " + number(evidence.count) +
        (evidence.count === 1 ? " time" : " times"));
      item.append(element("code", evidence.signal + ": " + evidence.example));
    }
    list.append(item);
  }
  return list;
}

function showApp(parent, app) {
  const facts = element("dl", undefined, "facts");
  parent.append(element("h3", app.app + ": " + app.confidence));
  if (app.version)
    fact(facts, "Version", app.version);
  if (app.platform)
    fact(facts, "Platform", app.platform);
  if (app.uhash)
    fact(facts, "User hash", app.uhash);
  if (app.first_start)
    fact(facts, "First start", app.first_start);
  if (app.port)
    fact(facts, "Port", String(app.port));
  if (app.public_ip)
    fact(facts, "Seen by others as", app.public_ip);
  if (app.super_node)
    fact(facts, "Role", "super node");
  parent.append(facts);
  if (app.steps.length > 0 || app.app === "skype") {
    parent.append(element("h3", "Seven steps of its life on the wire"));
    parent.append(stepList(app.steps));
  }
  parent.append(element("h3", "Time line, with the first of each kind of evidence"));
  parent.append(timeLine(app));
}

async function fillHost(ip) {
  const answer = await fetch("/api/host/" + encodeURIComponent(ip), { cache: "no-store" });
  const said = await answer.json();
  const content = element("div");
  if (hostShown !== ip)
    return;
  setText(byId("host-title"), "Host " + ip);
  if (!answer.ok)
    content.append(element("p", typeof said === "string" ? said : "no answer"));
  else
    said.forEach(event => showApp(content, event.wiretag));
  const text = JSON.stringify(said);
  if (byId("host-apps").dataset.text !== text) {
    byId("host-apps").replaceChildren(...content.childNodes);
    byId("host-apps").dataset.text = text;
  }
}

// ---- what is shown, and when

async function look() {
  try {
    if (hostShown)
      await fillHost(hostShown);
    const answer = await fetch("/api/summary.json", { cache: "no-store" });
    if (!answer.ok)
      throw new Error("status " + answer.status);
    const now = await answer.json();
    if (before && now.time_ns === before.time_ns)
      return;
    fill(now);
    before = now;
  } catch (error) {
    trouble("wiretag does not answer (" + error.message + "): asking again every two seconds.");
  }
}

function route() {
  if (location.hash === "#main")
    return; // the link that skips to the content
  const match = /^#host\/(.+)$/.exec(location.hash);
  const was = hostShown;
  hostShown = null;
  try {
    hostShown = match && decodeURIComponent(match[1]);
  } catch (error) {
    hostShown = null; // an address that somebody mistyped
  }
  byId("overview").hidden = hostShown !== null;
  byId("host").hidden = hostShown === null;
  if (hostShown !== null) {
    setText(byId("host-title"), "Host " + hostShown);
    byId("host-apps").replaceChildren();
    delete byId("host-apps").dataset.text;
    byId("host-title").focus();
    look();
  } else if (was !== null) {
    byId("main").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

async function keepLooking() {
  if (!document.hidden)
    await look();
  setTimeout(keepLooking, EVERY_MS);
}

byId("ask-host").addEventListener("submit", event => {
  event.preventDefault();
  if (byId("ip").value.trim() !== "")
    location.hash = "host/" + encodeURIComponent(byId("ip").value.trim());
});
addEventListener("hashchange", route);
route();
keepLooking();
