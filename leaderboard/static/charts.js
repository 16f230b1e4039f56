// Draws each chart when it comes near the view; plotly's script is loaded with the first.
"use strict";
(() => {
  const root = document.body.dataset.root;
  const plots = [...document.querySelectorAll("[data-figure]")];
  const drawn = new Set();
  let loading = null;

  const library = () => {
    loading = loading || new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${root}assets/${document.body.dataset.plotly}`;
      script.onload = () => resolve(window.Plotly);
      script.onerror = reject;
      document.head.append(script);
    });
    return loading;
  };
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  // Charts of one kind share their style: a trace has that of the same meta.
  const frame = document.getElementById("chart-frame");
  const styled = (spec) => {
    if (spec.layout || !frame) return spec;
    const { data, layout } = JSON.parse(frame.textContent);
    const style = new Map(data.map((trace) => [trace.meta, trace]));
    return { data: spec.data.map((trace) => ({ ...style.get(trace.meta), ...trace })), layout };
  };
  const themed = (spec) => {
    const [ink, soft, line, accent, base, ground] =
      ["ink", "soft", "line", "accent", "base", "ground"].map(colour);
    const colours = { base, tuned: accent, asked: ink, change: accent };
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, tickcolor: line, fixedrange: true };
    const data = spec.data.map((trace) => {
      const role = trace.meta || trace.name;
      const hue = colours[role] || accent;
      const copy = { ...trace, line: { ...trace.line, color: hue } };
      if (trace.marker) {
        copy.marker = { ...trace.marker, color: hue, line: { ...trace.marker.line, color: hue } };
      }
      return copy;
    });
    const layout = {
      ...spec.layout,
      paper_bgcolor: ground, plot_bgcolor: ground,
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: soft },
      hoverlabel: { bgcolor: ground, bordercolor: line, font: { color: ink } },
      xaxis: { ...spec.layout.xaxis, ...axis },
      yaxis: { ...spec.layout.yaxis, ...axis },
    };
    return { data, layout };
  };
  const config = { showSendToCloud: false, displaylogo: false, displayModeBar: false, responsive: true };

  async function draw(plot) {
    const spec = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
    try {
      const Plotly = await library();
      const { data, layout } = themed(styled(spec));
      await Plotly.react(plot, data, layout, config);
      drawn.add(plot);
    } catch (error) {
      plot.hidden = true;
    }
  }
  const redraw = () => drawn.forEach(draw);
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "100px" });
  for (const plot of plots) {
    plot.hidden = false;
    watcher.observe(plot);
  }
  document.addEventListener("themechange", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
