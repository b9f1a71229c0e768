"use strict";
const PAST = 180, FUTURE = 60;
const $ = id => document.getElementById(id);
const remembered = kept();
let state = null, skew = 0, editing = null;

// --- building: text only ever goes in as text ---------------------------------------------------------------------
function make(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}
function draw(tag, attributes, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {}))
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  for (const child of children.flat(3)) if (child !== null && child !== undefined && child !== "" && child !== false) element.append(child);
  return element;
}
const pill = (text, kind) => make("span", {class: "pill " + (kind || "")}, text);
// What a button orders stands in the button: one listener reads it, so that a refresh may change buttons in their place.
const button = (text, order, title) => make("button", {type: "button", title: title, "data-order": JSON.stringify(order)}, text);
const table = (kind, heads, rows) => make("table", {class: kind}, make("thead", {}, make("tr", {}, heads.map(head => make("th", {scope: "col"}, head)))),
  make("tbody", {}, rows));
const empty = text => make("p", {class: "empty"}, text);
const clock = seconds => new Date(seconds * 1000).toLocaleTimeString([], {hour12: false});
const now = () => Date.now() / 1000 + skew;
const span = seconds => seconds < 90 ? Math.round(seconds) + " s" : seconds < 5400 ? Math.round(seconds / 60) + " min" : (seconds / 3600).toFixed(1) + " h";
const short = name => name.replace(/^oadr/, "");

// --- refreshing: what is there is changed in its place, so that focus, scroll and open rows stay -------------------
function renew(parent, children) {
  const wanted = [].concat(children), keyed = new Map();
  for (const child of parent.childNodes) if (child.dataset && child.dataset.key) keyed.set(child.dataset.key, child);
  let place = parent.firstChild;
  for (const child of wanted) {
    const key = child.dataset && child.dataset.key;
    const same = key ? keyed.get(key) : place;
    if (same && same.nodeName === child.nodeName && (key || !(same.dataset && same.dataset.key))) {
      if (same !== place) parent.insertBefore(same, place);
      alter(same, child);
      place = same.nextSibling;
    } else {
      parent.insertBefore(child, place);
    }
  }
  while (place) { const next = place.nextSibling; place.remove(); place = next; }
}
function alter(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const {name} of [...old.attributes]) if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const {name, value} of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  renew(old, [...fresh.childNodes]);
}
const drawn = {};
function section(id, data, build) {
  const says = JSON.stringify(data);
  if (drawn[id] === says) return;
  drawn[id] = says;
  renew($(id), build());
}

// --- talking ------------------------------------------------------------------------------------------------------
let hide = 0;
function complain(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(hide);
  hide = setTimeout(() => { $("toast").hidden = true; }, 7000);
}
async function order(what) {
  try {
    const reply = await fetch("/order", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(what)});
    const answer = await reply.json();
    if (!reply.ok) return answer;
    await refresh();
    return null;
  } catch (error) {
    return {error: "The VTN does not answer: has it ended? (" + error.message + ")"};
  }
}
async function refresh() {
  try {
    const reply = await fetch("/state", {cache: "no-store"});
    state = await reply.json();
    skew = state.now - Date.now() / 1000;
    $("link").textContent = "live";
    show();
  } catch (error) {
    $("link").textContent = "the VTN has ended, or does not answer";
  }
}
async function watch() {
  await refresh();
  setTimeout(watch, 1000);
}
document.addEventListener("click", async click => {
  const pressed = click.target.closest("button");
  if (!pressed) return;
  if (pressed.dataset.order) {
    const wrong = await order(JSON.parse(pressed.dataset.order));
    if (wrong) complain(wrong.error);
  } else if (pressed.dataset.edit) {
    edit(state.events.find(event => event.event_id === pressed.dataset.edit));
  } else if (pressed.dataset.message) {
    await openMessage(Number(pressed.dataset.message));
  }
});

// --- showing ------------------------------------------------------------------------------------------------------
function show() {
  const vtn = state.vtn;
  $("title").textContent = vtn.vtn_id;
  document.title = vtn.vtn_id + " – test VTN";
  $("url").textContent = vtn.url;
  $("facts").textContent = (vtn.poll_frequency ? "polls every " + span(vtn.poll_frequency) + ", " : "") + vtn.polls + " so far"
    + (vtn.violations ? ", " + vtn.violations + " deviations from the standard" : "");
  $("ven-count").textContent = state.vens.length ? String(state.vens.length) : "";
  $("event-count").textContent = state.events.length ? String(state.events.length) : "";
  section("vens", state.vens, vens);
  section("events", [state.events, state.vens.map(ven => [ven.ven_id, ven.name]), state.events.map(when)], events);
  section("faults", [state.faults, state.known_faults], faults);
  renew($("charts"), charts());
  section("log", [state.messages, state.vens.map(ven => [ven.ven_id, ven.name])], log);
  choices();
}
function vens() {
  if (!state.vens.length) return empty("None yet. Start one with vtn_url as above.");
  return table("", ["Name", "venID", "Reports", "Polls", ""], state.vens.map(ven => make("tr", {"data-key": ven.ven_id},
    make("td", {}, ven.name || "–", " ", ven.registered ? pill("registered", "good") : pill("not registered", "warn")),
    make("td", {class: "mono"}, ven.ven_id),
    make("td", {}, reports(ven)),
    make("td", {}, String(ven.polls) + " polls"),
    make("td", {class: "actions"},
      button("Re-register", {do: "reregister", ven: ven.ven_id}, "Ask the VEN to register again"), " ",
      button("Forget", {do: "forget", ven: ven.ven_id}, "Answer 463 until it registers again")))));
}
const RUNNING = ["asked", "running"];
function reports(ven) {
  const points = ven.offers.reduce((sum, offer) => sum + offer.points.length, 0);
  if (!points) return make("span", {class: "soft"}, "none offered");
  const running = ven.asked.filter(asked => RUNNING.includes(asked.state)), refused = ven.asked.filter(asked => asked.state === "refused");
  const free = ven.offers.filter(offer => offer.points.length && !running.some(asked => asked.report === offer.id));
  return [points + (points === 1 ? " point " : " points "), refused.length ? [pill("refused", "warn"), " "] : "",
    running.length ? [pill(running.length + " asked for", "good"), " "] : "",
    make("details", {"data-key": "reports"}, make("summary", {}, "reports"), make("ul", {},
      running.map(asked => make("li", {"data-key": "r " + asked.id}, asked.report + " as ", make("span", {class: "mono"}, asked.id), " ",
        button("Cancel report", {do: "cancel_report", ven: ven.ven_id, report_request_id: asked.id}))),
      free.map(offer => make("li", {"data-key": "o " + offer.id}, (offer.name || offer.id) + ": " + offer.points.join(", ") + " ",
        button("Ask", {do: "request_report", ven: ven.ven_id, report_specifier_id: offer.id})))))];
}
const STATUS = {active: "bad", near: "warn", far: "good"}, ENDED = ["cancelled", "completed", "over"];
function events() {
  if (!state.events.length) return empty("None. Add one below.");
  return table("", ["Event", "Signal", "When", "Answers", ""], state.events.map(event => make("tr", {"data-key": event.event_id},
    make("td", {}, make("div", {class: "tight"}, make("span", {class: "mono"}, event.event_id), " ", pill(event.status, STATUS[event.status]),
        event.test ? [" ", pill("test")] : ""),
      make("div", {class: "soft small"}, "modification " + event.number, event.comment ? ", " + event.comment : "")),
    make("td", {}, event.signals.map(signal => make("div", {}, signal.name + " ", make("span", {class: "soft"},
      signal.steps.slice(0, 8).map(step => step[2]).join(" → ") + (signal.steps.length > 8 ? " … (" + signal.steps.length + ")" : ""))))),
    make("td", {}, clock(event.begin), make("div", {class: "soft small"}, when(event))),
    make("td", {}, answers(event)),
    make("td", {class: "actions"}, ENDED.includes(event.status) ? "" : [
      make("button", {type: "button", "data-edit": event.event_id}, "Modify"), " ",
      button("Cancel", {do: "cancel_event", event_id: event.event_id})]))));
}
function answers(event) {
  if (!event.answers.length) return make("span", {class: "soft"}, "none yet");
  const one = answer => make("div", {class: "tight", "data-key": answer.ven}, pill(answer.opt, answer.opt === "optIn" ? "good" : "warn"),
    make("span", {class: "soft small"}, " " + nameOf(answer.ven) + (answer.number === event.number ? "" : " (to " + answer.number + ")")));
  if (event.answers.length <= 3) return event.answers.map(one);
  const into = event.answers.filter(answer => answer.opt === "optIn").length;
  return make("details", {"data-key": "answers"}, make("summary", {}, into + " of " + event.answers.length + " opted in"), event.answers.map(one));
}
function when(event) {
  const left = event.begin - now(), end = event.begin + event.duration - now();
  if (event.status === "cancelled") return "";
  if (event.status === "over") return "off the list";
  if (left > 0) return "begins in " + span(left);
  return !event.duration ? "has no end" : end > 0 ? "ends in " + span(end) : "is over";
}
const nameOf = id => (state.vens.find(ven => ven.ven_id === id) || {name: id}).name || id;
function faults() {
  return state.known_faults.map(fault => {
    const on = state.faults.find(each => each.name === fault.name);
    return make("button", {type: "button", "data-key": fault.name, class: on ? "on" : "", title: "The VTN " + fault.says, "aria-pressed": on ? "true" : "false",
      "data-order": JSON.stringify(on ? {do: "clear_fault", number: on.number} : {do: "fault", name: fault.name})},
      fault.name + (on ? " (" + on.hits + ")" : ""));
  });
}
function log() {
  if (!state.messages.length) return empty("None yet.");
  return table("log", ["", "From", "Message", "Answer"], state.messages.map(message => make("tr", {"data-key": String(message.number)},
    make("td", {class: "soft mono"}, clock(message.at)),
    make("td", {class: "tight"}, message.ven ? nameOf(message.ven) : "–"),
    make("td", {}, make("button", {type: "button", class: "plain", "data-message": String(message.number), title: "Show the XML"}, short(message.kind)),
      message.times > 1 ? make("span", {class: "soft"}, " × " + message.times) : "", make("div", {class: "soft small"}, message.words || ""),
      message.trouble.map(text => make("div", {class: "small"}, pill(text, "warn")))),
    make("td", {}, short(message.answer) || "–", " ", message.code && message.code !== "200" ? pill(message.code, "bad") : "",
      message.status !== 200 ? pill(message.status ? "HTTP " + message.status : "no answer", "bad") : "",
      make("div", {class: "soft small"}, message.answer_words || "")))));
}
function choices() {
  const chosen = $("for").value || remembered.ven || "", wanted = [["", "every VEN"], ...state.vens.map(ven => [ven.ven_id, ven.name || ven.ven_id])];
  // Who is chosen stays chosen when the VTN has forgotten it: the event must not go to everybody instead.
  if ($("for").value && !wanted.some(([value]) => value === chosen)) wanted.push([chosen, chosen]);
  renew($("for"), wanted.map(([value, text]) => make("option", {value: value, "data-key": "v " + value}, text)));
  if (wanted.some(([value]) => value === chosen)) $("for").value = chosen;
  delete remembered.ven;
}

// --- one message --------------------------------------------------------------------------------------------------
async function openMessage(number) {
  try {
    const reply = await fetch("/message?" + number, {cache: "no-store"});
    const message = await reply.json();
    if (!reply.ok) { complain(message.error); return; }
    $("message-title").textContent = short(message.kind);
    $("message-body").replaceChildren(
      make("h3", {}, "From the VEN"), make("pre", {tabindex: "0"}, pretty(message.received)),
      make("h3", {}, message.answer ? "The VTN's answer" : "The answer: " + (message.status ? "HTTP " + message.status : "none")),
      message.answer ? make("pre", {tabindex: "0"}, pretty(message.answer)) : "");
    $("message").showModal();
  } catch (error) {
    complain("The VTN does not answer: has it ended? (" + error.message + ")");
  }
}
$("message-close").addEventListener("click", () => $("message").close());
$("message").addEventListener("click", click => { if (click.target === $("message")) $("message").close(); });
function pretty(text) {
  const read = new DOMParser().parseFromString(text, "application/xml");
  if (read.querySelector("parsererror")) return text;
  const lines = [];
  (function write(element, depth) {
    const pad = "  ".repeat(depth), attributes = [...element.attributes].map(each => " " + each.name + '="' + each.value + '"').join("");
    const content = element.textContent.trim();
    if (element.children.length) {
      lines.push(pad + "<" + element.nodeName + attributes + ">");
      for (const child of element.children) write(child, depth + 1);
      lines.push(pad + "</" + element.nodeName + ">");
    } else {
      lines.push(pad + "<" + element.nodeName + attributes + (content ? ">" + content + "</" + element.nodeName + ">" : "/>"));
    }
  })(read.documentElement, 0);
  return lines.join("\n");
}

// --- charts -------------------------------------------------------------------------------------------------------
const WIDTH = 720, HEIGHT = 190, LEFT = 58, BOTTOM = 24, TOP = 10;
function charts() {
  $("report-note").textContent = state.series.length ? "the last " + span(PAST) + "; shaded: events" : "";
  if (!state.series.length) return [empty("No samples yet. They appear as soon as a VEN delivers a report.")];
  return state.series.flatMap(series => {
    const last = series.points[series.points.length - 1];
    return [make("div", {class: "caption"}, make("span", {}, make("b", {}, series.r_id), " ", make("span", {class: "soft"},
      [series.ven_name, series.measurement].filter(text => text).join(", "))),
      make("span", {}, last ? number(last[1]) + " " + series.unit : "")), chart(series)];
  });
}
function chart(series) {
  const end = now() + FUTURE, start = Math.max(now() - PAST, Math.min(series.points[0][0] - 5, now() - 60));
  const points = series.points.filter(point => point[0] >= start);
  const [low, high, ticks] = scale(points.map(point => point[1]));
  const x = at => LEFT + (at - start) / (end - start) * (WIDTH - LEFT - 6);
  const y = value => TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM);
  return draw("svg", {class: "chart", viewBox: "0 0 " + WIDTH + " " + HEIGHT, role: "img",
    "aria-label": series.r_id + ": " + points.length + " samples"},
    bands(start, end, x), grid(ticks, y, series.unit), hours(start, end, x),
    draw("line", {x1: x(now()), x2: x(now()), y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--soft)", "stroke-dasharray": "3 3"}),
    draw("polyline", {points: points.map(point => x(point[0]).toFixed(1) + "," + y(point[1]).toFixed(1)).join(" "), fill: "none",
      stroke: "var(--accent)", "stroke-width": 2, "stroke-linejoin": "round"}),
    points.map(point => draw("circle", {cx: x(point[0]).toFixed(1), cy: y(point[1]).toFixed(1), r: points.length > 90 ? 1.5 : 2.5, fill: "var(--accent)"},
      draw("title", {}, clock(point[0]) + ": " + number(point[1]) + " " + series.unit))));
}
function bands(start, end, x) {
  return state.events.filter(event => event.status !== "cancelled").flatMap(event => event.signals.slice(0, 1).flatMap(signal => {
    let begin = event.begin;
    return signal.steps.map(([at, seconds, payload]) => {
      const from = Math.max(at || begin, start), until = Math.min(seconds ? (at || begin) + seconds : end, end);
      begin = (at || begin) + seconds;
      if (until <= from) return null;
      const width = x(until) - x(from), text = number(payload);
      return [draw("rect", {x: x(from), y: TOP, width: width, height: HEIGHT - TOP - BOTTOM, fill: "var(--band)",
        opacity: signal.name === "SIMPLE" ? 0.35 + 0.2 * payload : 0.6}, draw("title", {}, event.event_id + ": " + signal.name + " " + text)),
        width > 8 + 7 * text.length ? draw("text", {x: x(from) + 4, y: TOP + 13, "font-size": 11, fill: "var(--warn)"}, text) : null];
    }).flat();
  })).filter(each => each);
}
function grid(ticks, y, unit) {
  return ticks.flatMap(tick => [draw("line", {x1: LEFT, x2: WIDTH - 6, y1: y(tick), y2: y(tick), stroke: "var(--line)"}),
    draw("text", {x: LEFT - 6, y: y(tick) + 4, "font-size": 11, "text-anchor": "end", fill: "var(--soft)"}, number(tick))]);
}
function hours(start, end, x) {
  const marks = [];
  const step = end - start > 150 ? 60 : 30;
  for (let at = Math.ceil(start / step) * step; at < end - 10; at += step)
    marks.push(draw("text", {x: x(at), y: HEIGHT - 7, "font-size": 11, "text-anchor": "middle", fill: "var(--soft)"},
      new Date(at * 1000).toLocaleTimeString([], {hour12: false, hour: "2-digit", minute: "2-digit", second: step < 60 ? "2-digit" : undefined})));
  return marks;
}
function scale(values) {
  let low = Math.min(...values), high = Math.max(...values);
  if (!values.length || high - low > 0.2 * Math.max(Math.abs(low), Math.abs(high)) || low === high) {
    low = Math.min(low, 0);
    high = Math.max(high, 0);
  }
  if (!values.length) [low, high] = [0, 1];
  if (low === high) high = low + 1;
  const rough = (high - low) / 4, unit = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].map(factor => factor * unit).find(size => size >= rough);
  low = Math.floor(low / step) * step;
  high = Math.ceil(high / step) * step;
  const ticks = [];
  for (let tick = low; tick <= high + step / 2; tick += step) ticks.push(tick);
  return [low, high, ticks];
}
const number = value => Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Math.round(value * 1000) / 1000);

// --- the form -----------------------------------------------------------------------------------------------------
const FIELDS = ["signal_name", "ven", "begin", "seconds", "levels", "comment"];
function edit(event) {
  editing = event ? event.event_id : null;
  $("form-title").textContent = editing ? "Modify " + editing : "Add an event";
  $("send").textContent = editing ? "Modify" : "Add";
  $("back").hidden = !editing;
  $("signal").disabled = $("for").disabled = Boolean(editing);
  mark(null);
  const fields = $("form").elements;
  if (!event) return;
  const steps = event.signals[0].steps;
  if (![...$("signal").options].some(option => option.value === event.signals[0].name)) $("signal").append(make("option", {}, event.signals[0].name));
  $("signal").value = event.signals[0].name;
  fields.begin.value = Math.max(0, Math.round(event.begin - now()));
  fields.seconds.value = Math.round(steps[0][1]);
  fields.levels.value = steps.map(step => step[2]).join(" ");
  fields.comment.value = event.comment || "";
  fields.levels.focus();
}
function mark(wrong) {
  for (const name of FIELDS) {
    const field = $("form").elements[name], is = Boolean(wrong) && wrong.field === name;
    field.setAttribute("aria-invalid", is ? "true" : "false");
    $("e-" + name).textContent = is ? wrong.error : "";
    if (is) field.focus();
  }
  if (wrong && !FIELDS.includes(wrong.field)) complain(wrong.error);
}
// "0,5" is a half, as much of the world writes it.
function amount(name, text) {
  const found = Number(text.trim().replace(/^([+-]?\d+),(\d+)$/, "$1.$2"));
  if (text.trim() === "" || !Number.isFinite(found)) throw {field: name, error: name + ": expected a number, found " + JSON.stringify(text) + "."};
  return found;
}
// A comma before a space separates. Between digits it is decimal, unless nothing else separates: of several commas, or of levels of SIMPLE.
function levels(text, signal) {
  const given = text.trim(), pieces = given.split(",");
  const listed = !/[\s;]/.test(given) && (pieces.length > 2 || signal === "SIMPLE" && pieces.every(piece => /^[0-3]$/.test(piece)));
  const parts = given.split(listed ? "," : /\s*,\s+|[\s;]+/).filter(part => part);
  try {
    if (parts.length) return parts.map(part => amount("levels", part));
  } catch (wrong) { /* told below */ }
  throw {field: "levels", error: "levels are numbers with spaces between them, such as 1 2 1."};
}
$("back").addEventListener("click", () => edit(null));
// What was typed or chosen for a new event is there again when the page is loaded anew.
function remember() {
  if (editing) return;
  try {
    sessionStorage.setItem("form", JSON.stringify(Object.fromEntries(FIELDS.map(name => [name, $("form").elements[name].value]))));
  } catch (error) { /* a browser that keeps nothing */ }
}
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem("form")) || {};
  } catch (error) {
    return {};
  }
}
function recall() {
  for (const name of FIELDS.filter(name => name in remembered && name !== "ven")) {
    const field = $("form").elements[name], before = field.value;
    field.value = remembered[name];
    if (field.selectedIndex === -1) field.value = before;
  }
}
$("form").addEventListener("input", remember);
$("form").addEventListener("submit", async submitted => {
  submitted.preventDefault();
  mark(null);
  const fields = $("form").elements;
  try {
    const seconds = amount("seconds", fields.seconds.value), begin = amount("begin", fields.begin.value);
    const what = {begin: begin, steps: levels(fields.levels.value, $("signal").value).map(level => [seconds, level]), comment: fields.comment.value || null};
    const wrong = await order(editing ? {do: "modify_event", event_id: editing, ...what}
      : {do: "add_event", signal_name: $("signal").value, ven: $("for").value || null, ...what});
    if (wrong) mark(wrong);
    else edit(null);
  } catch (wrong) {
    mark(wrong);
  }
});
recall();
watch();
