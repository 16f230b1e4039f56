// The state of a page in its address: defaults left out, unknown keys kept away.
"use strict";
const Address = (() => {
  const read = () => new URLSearchParams(location.search);
  const write = (state) => {
    const params = new URLSearchParams();
    for (const [key, value] of Object.entries(state)) {
      if (value !== "" && value !== null && value !== undefined) params.set(key, value);
    }
    const query = params.toString();
    const address = location.pathname + (query ? `?${query}` : "") + location.hash;
    try { history.replaceState(null, "", address); } catch { /* some viewers forbid it */ }
    for (const link of document.querySelectorAll("a[data-keep]")) {
      const [path] = link.getAttribute("href").split("?");
      link.setAttribute("href", query ? `${path}?${query}` : path);
    }
  };
  return { read, write };
})();
