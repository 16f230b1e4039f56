// Sorting, searching, filtering and choosing columns of the overview's table. Rows are the
// ones in the page: a block (a base model and its tuned versions) moves as one.
"use strict";
(() => {
  const table = document.getElementById("board");
  const form = document.getElementById("controls");
  const status = document.getElementById("status");
  const heads = [...table.tHead.rows[0].cells];
  const keys = heads.map((cell) => cell.dataset.key);
  const blocks = [...table.tBodies].filter((body) => !("fixed" in body.dataset));
  const original = blocks.slice();
  const inBlock = new Map(blocks.map((body) => [body, [...body.rows]]));
  const summary = status.textContent;
  const state = { q: "", size: "", data: "", sort: "", dir: "", hide: "" };

  const natural = (key) => {
    const head = heads[keys.indexOf(key)];
    return key === "model" || Number(head.dataset.better) > 0 ? "asc" : "desc";
  };
  const valueOf = (row, column) => {
    if (column === 0) return row.cells[0].textContent.trim().toLowerCase();
    const cell = row.cells[column];
    return cell && cell.dataset.v !== undefined && cell.dataset.v !== "" ? Number(cell.dataset.v) : null;
  };
  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  };
  const matches = (row) => {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const text = row.cells[0].textContent.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const fits = (row) =>
    (!state.size || row.dataset.size === state.size) &&
    (!state.data || row.dataset.data === state.data);

  function filter() {
    let shown = 0;
    let all = 0;
    for (const body of blocks) {
      const rows = inBlock.get(body);
      const base = rows[0];
      // A base that is sought shows all its tuned versions; a tuned one shows its base.
      const whole = matches(base);
      let any = false;
      for (const row of rows) {
        const ok = fits(row) && (whole || matches(row));
        row.hidden = !ok;
        any = any || ok;
        if (row.id) { all += 1; shown += ok; }
      }
      if (any && fits(base)) { shown += base.hidden && base.id ? 1 : 0; base.hidden = false; }
      body.hidden = !any;
    }
    return [shown, all];
  }

  function sort() {
    const column = keys.indexOf(state.sort);
    let ordered = original;
    if (column >= 0) {
      const sign = (state.dir || natural(state.sort)) === "asc" ? 1 : -1;
      const best = new Map();
      for (const body of blocks) {
        const [first, ...rest] = inBlock.get(body);
        rest.sort((a, b) => compare(valueOf(a, column), valueOf(b, column), sign));
        body.append(first, ...rest);
        const values = (column === 0 ? [first] : [first, ...rest]).filter((row) => !row.hidden)
          .map((row) => valueOf(row, column)).sort((a, b) => compare(a, b, sign));
        best.set(body, values.length ? values[0] : null);
      }
      ordered = original.slice().sort((a, b) => compare(best.get(a), best.get(b), sign));
    } else {
      for (const body of blocks) body.append(...inBlock.get(body));
    }
    table.append(...ordered);
    heads.forEach((cell, i) => {
      if (i === column) {
        cell.setAttribute("aria-sort", (state.dir || natural(state.sort)) === "asc" ? "ascending" : "descending");
      } else cell.removeAttribute("aria-sort");
    });
  }

  function columns() {
    const hidden = new Set(state.hide.split(",").filter(Boolean));
    for (const row of table.rows) {
      if (row.cells.length < keys.length) continue;
      [...row.cells].forEach((cell, i) => { cell.hidden = hidden.has(keys[i]); });
    }
    for (const box of form.querySelectorAll("[name=column]")) box.checked = !hidden.has(box.value);
  }

  function show() {
    // A page of many holds a part of the runs: what concerns all is shown where all are.
    if (form.dataset.all && (state.q || state.size || state.data || state.sort)) {
      const params = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
      location.replace(`${form.dataset.all}?${params}`);
      return;
    }
    const [shown, all] = filter();
    sort();
    columns();
    const parts = [shown === all ? summary : `${shown} of ${all} runs shown.`];
    if (state.sort) {
      const name = heads[keys.indexOf(state.sort)].querySelector("span, button").textContent;
      parts.push(`Sorted by ${name}, ${(state.dir || natural(state.sort)) === "asc" ? "ascending" : "descending"}.`);
    }
    status.textContent = parts.join(" ");
    Address.write(state);
  }

  heads.forEach((cell, i) => {
    const label = cell.querySelector("span");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label.textContent;
    label.replaceWith(button);
    button.addEventListener("click", () => {
      const key = keys[i];
      const way = natural(key);
      if (state.sort !== key) { state.sort = key; state.dir = ""; }
      else if (!state.dir) state.dir = way === "asc" ? "desc" : "asc";
      else { state.sort = ""; state.dir = ""; }
      show();
    });
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    state.q = form.elements.q.value.trim();
    state.size = form.elements.size.value;
    state.data = form.elements.data.value;
    const off = [...form.querySelectorAll("[name=column]")].filter((box) => !box.checked);
    state.hide = off.map((box) => box.value).join(",");
    show();
  });
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const key of Object.keys(state)) state[key] = "";
    for (const name of ["q", "size", "data"]) form.elements[name].value = "";
    show();
  });

  const asked = Address.read();
  const allowed = {
    q: (value) => value.slice(0, 200),
    size: (value) => (["small", "medium", "large", "unknown"].includes(value) ? value : ""),
    data: (value) => (["real", "synthetic"].includes(value) ? value : ""),
    sort: (value) => (keys.includes(value) ? value : ""),
    dir: (value) => (["asc", "desc"].includes(value) ? value : ""),
    hide: (value) => value.split(",").filter((key) => key !== "model" && keys.includes(key)).join(","),
  };
  for (const key of Object.keys(state)) state[key] = allowed[key](asked.get(key) || "");
  if (!state.sort || state.dir === natural(state.sort)) state.dir = "";
  for (const name of ["q", "size", "data"]) form.elements[name].value = state[name];
  form.hidden = false;
  show();
})();
