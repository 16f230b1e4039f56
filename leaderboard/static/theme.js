// Sets the chosen theme before anything is painted, and offers the button that chooses it.
"use strict";
(() => {
  const names = ["system", "light", "dark"];
  const read = () => {
    try { return localStorage.getItem("theme") || "system"; } catch { return "system"; }
  };
  const apply = (name) => {
    if (name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
  };
  let chosen = names.includes(read()) ? read() : "system";
  apply(chosen);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = button.querySelector("span");
    label.textContent = chosen;
    button.hidden = false;
    button.addEventListener("click", () => {
      chosen = names[(names.indexOf(chosen) + 1) % names.length];
      try { localStorage.setItem("theme", chosen); } catch { /* kept for this page alone */ }
      apply(chosen);
      label.textContent = chosen;
      document.dispatchEvent(new Event("themechange"));
    });
  });
})();
