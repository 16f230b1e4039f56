// Any two runs side by side. Their data come as scripts, since a page that was opened from
// a file may load scripts but not fetch JSON; every text is set as text.
"use strict";
const DiffBenchData = (() => {
  const held = new Map();
  const waiting = new Map();
  const add = ([kind, key, content]) => {
    held.set(`${kind}/${key}`, content);
    (waiting.get(`${kind}/${key}`) || []).forEach((resolve) => resolve(content));
  };
  const get = (kind, key) => {
    const name = `${kind}/${key}`;
    if (held.has(name)) return Promise.resolve(held.get(name));
    return new Promise((resolve, reject) => {
      const known = waiting.get(name);
      if (known) { known.push(resolve); return; }
      waiting.set(name, [resolve]);
      const script = document.createElement("script");
      script.src = `data/${kind === "run" ? "compare" : "targets"}/${key}.js`;
      script.onerror = () => reject(new Error(key));
      document.head.append(script);
    });
  };
  return { add, get };
})();

(() => {
  const form = document.getElementById("pick");
  const status = document.getElementById("status");
  const place = document.getElementById("compared");
  const SHOWN = 12;

  const make = (tag, text = "", className = "") => {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const fixed = (value) => (value === null ? "—" : value.toFixed(3).replace("-", "−"));
  const signed = (value) => (value > 0 ? "+" : "") + fixed(value);
  const share = (value) => `${(100 * value).toFixed(2)} %`;
  const points = (value) => `${value > 0 ? "+" : ""}${(100 * value).toFixed(2).replace("-", "−")}`;
  const sampled = (task) => task.estimator === "sampled";

  function difference(a, b, one, other) {
    for (let i = 0; i < a.settings.length; i += 1) {
      const [name, value] = a.settings[i];
      if (value !== b.settings[i][1]) return `other ${name} (${value} and ${b.settings[i][1]})`;
    }
    if (one.version !== other.version) return `other versions (${one.version} and ${other.version})`;
    if (one.target !== other.target) return "other targets";
    if (one.prompts !== other.prompts) return "other prompts";
    if (one.estimator !== other.estimator && !sampled(one) && !sampled(other)) {
      return `other estimators (${one.estimator} and ${other.estimator})`;
    }
    for (const [run, task] of [[a, one], [b, other]]) {
      if (!sampled(task) || run.draws === "independent") continue;
      return run.draws === "several in a reply"
        ? "several draws in a reply, which are not independent of one another"
        : "replies that are not known to be independent draws";
    }
    if (sampled(one) && sampled(other) && a.longest !== b.longest) {
      return `other longest replies (${a.longest} and ${b.longest} tokens)`;
    }
    return "";
  }

  function bar(value, most, className) {
    const line = make("span", "", `bar ${className}`);
    line.style.width = `${most > 0 ? (100 * value) / most : 0}%`;
    return line;
  }

  async function outcomes(section, one, other, names) {
    const target = await DiffBenchData.get("target", one.target);
    const order = target.outcomes.map((_, i) => i)
      .sort((i, j) => Math.abs(other.q[j] - one.q[j]) - Math.abs(other.q[i] - one.q[i]) || i - j);
    const rows = order.map((i) => [target.outcomes[i], target.p[i], one.q[i], other.q[i]]);
    // What the model says beside the listed outcomes is an outcome, too.
    const left = [target.rest > 0 ? "not listed, or no valid answer" : "no valid answer", target.rest, one.rest, other.rest];
    const most = Math.max(...target.p, ...one.q, ...other.q, ...left.slice(2));
    const scroll = make("div", "", "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", `Outcomes of ${one.name}`);
    const table = make("table");
    const head = table.createTHead().insertRow();
    for (const [text, className] of [["outcome", ""], ["asked", "n"], ["first", "n"], ["second", "n"], ["difference", "n"], ["shares", "bars-head"]]) {
      const cell = make("th", text, className);
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    const add = ([outcome, asked, first, second], className) => {
      const row = body.insertRow();
      row.className = className;
      const name = make("th");
      name.scope = "row";
      name.append(make(className ? "i" : "bdi", outcome));
      row.append(name);
      for (const text of [share(asked), share(first), share(second), points(second - first)]) {
        row.append(make("td", text, "n"));
      }
      const bars = make("td", "", "bars");
      bars.setAttribute("aria-hidden", "true");
      bars.append(bar(first, most, "base"), bar(second, most, ""));
      row.append(bars);
    };
    const fill = (from, to) => rows.slice(from, to).forEach((row) => add(row, ""));
    add(left, "rest");
    fill(0, SHOWN);
    scroll.append(table);
    section.append(scroll);
    if (order.length > SHOWN) {
      const more = make("button", `Show all ${order.length} outcomes`);
      more.type = "button";
      more.addEventListener("click", () => { fill(SHOWN, order.length); more.remove(); });
      section.append(more);
    }
  }

  function summary(a, b, pairs) {
    const scroll = make("div", "", "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "Tasks of both runs");
    const table = make("table");
    table.append(make("caption", `First: ${a.label}. Second: ${b.label}.`, "sr"));
    const head = table.createTHead().insertRow();
    for (const [text, className] of [["task", "name"], ["overlap: first", "n"], ["second", "n"], ["difference", "n"], ["values", ""]]) {
      const cell = make("th", text, className);
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    pairs.forEach(({ one, other, why }, i) => {
      const row = body.insertRow();
      const name = make("th", "", "name");
      name.scope = "row";
      if (why) name.textContent = one.title;
      else {
        const link = make("a", one.title);
        link.href = `#pair-${i}`;
        name.append(link);
      }
      row.append(name);
      if (why) {
        const cell = make("td", `∅ not comparable: ${why}`);
        cell.colSpan = 4;
        row.append(cell);
        return;
      }
      const change = one.overlap === null || other.overlap === null ? null : other.overlap - one.overlap;
      for (const text of [fixed(one.overlap), fixed(other.overlap), change === null ? "—" : signed(change)]) {
        row.append(make("td", text, "n"));
      }
      const [first, second] = [one, other].map((task) => (sampled(task) ? `${task.replies.toLocaleString("en")} replies` : task.estimator));
      row.append(make("td", first === second ? `both ${first}` : `${first}, ${second}`));
    });
    scroll.append(table);
    return scroll;
  }

  function key(a, b) {
    const line = make("p", "", "key");
    for (const [name, run, className] of [["First", a, "base"], ["Second", b, ""]]) {
      const mark = make("span", "", `swatch ${className}`);
      mark.setAttribute("aria-hidden", "true");
      const item = make("span");
      item.append(mark, ` ${name}: `, make("bdi", run.label));
      line.append(item);
    }
    line.append(make("span", "Differences of shares are in percentage points.", "quiet"));
    return line;
  }

  function pairTasks(a, b) {
    const left = new Map(b.tasks.map((task) => [`${task.name} ${task.version} ${task.prompts}`, task]));
    const byName = new Map(b.tasks.map((task) => [task.name, task]));
    const used = new Set();
    const pairs = a.tasks.map((one) => {
      const other = left.get(`${one.name} ${one.version} ${one.prompts}`) || byName.get(one.name);
      if (!other) return { one, other: null, why: "not in the second" };
      used.add(other);
      return { one, other, why: difference(a, b, one, other) };
    });
    for (const task of b.tasks) if (!used.has(task)) pairs.push({ one: task, other: null, why: "not in the first" });
    return pairs;
  }

  let turn = 0;
  async function show() {
    const mine = (turn += 1);
    const names = { a: form.elements.a.value, b: form.elements.b.value };
    Address.write(names);
    place.replaceChildren();
    if (!names.a || !names.b) { status.textContent = "Choose two runs."; return; }
    status.textContent = "Loading …";
    let a, b;
    try {
      [a, b] = await Promise.all([DiffBenchData.get("run", names.a), DiffBenchData.get("run", names.b)]);
    } catch (error) {
      status.textContent = "The data of a run could not be loaded.";
      return;
    }
    if (mine !== turn) return;
    const pairs = pairTasks(a, b);
    const alike = pairs.filter((pair) => !pair.why).length;
    place.append(key(a, b), summary(a, b, pairs));
    for (const [i, pair] of pairs.entries()) {
      if (pair.why) continue;
      const section = make("section", "", "task");
      section.id = `pair-${i}`;
      const title = make("h2", pair.one.title);
      title.append(" ", make("small", `${pair.one.split === "train" ? "trained wordings" : "held-out"}, overlap ${fixed(pair.one.overlap)} and ${fixed(pair.other.overlap)}`));
      section.append(title);
      place.append(section);
      await outcomes(section, pair.one, pair.other, names);
      if (mine !== turn) return;
    }
    status.textContent = `${alike} of ${pairs.length} tasks were measured alike. For a verdict, run diffbench compare on the two results files.`;
  }

  const asked = Address.read();
  for (const side of ["a", "b"]) {
    const known = [...form.elements[side].options].map((option) => option.value);
    if (known.includes(asked.get(side))) form.elements[side].value = asked.get(side);
    form.elements[side].addEventListener("change", show);
  }
  document.getElementById("swap").addEventListener("click", () => {
    const { a, b } = form.elements;
    [a.value, b.value] = [b.value, a.value];
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("without").hidden = true;
  form.hidden = false;
  show();
})();
