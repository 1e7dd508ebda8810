// Charts of numbers, each beside the same numbers as a table.
import { html, useState } from "./vendor/htm-preact.js";
import { number } from "./model/words.js";
import { percent } from "./words.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, EDGE] = [320, 180, 44, 34, 8];

// What is drawn as `children`, under a title; `rows` of cells are the table, the first its row's head.
export function Figure({ title, note, head, rows, children, wide }) {
  const [isOpen, open] = useState(false);
  return html`<figure class=${wide ? "chart wide" : "chart"}>
    <figcaption>${title}</figcaption>
    ${note && html`<p class="quiet">${note}</p>`}
    ${children}
    ${rows && html`<details onToggle=${(event) => open(event.target.open)}>
      <summary class="quiet">As a table<span class="hidden-text">: ${title}</span></summary>
      ${isOpen && html`<${Table} title=${title} head=${head} rows=${rows} />`}
    </details>`}
  </figure>`;
}

export function Table({ title, head, rows }) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${title}><table>
    <thead><tr>${head.map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
    <tbody>${rows.map(([first, ...cells]) => html`<tr>
      <th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}
    </tr>`)}</tbody>
  </table></div>`;
}

// Bars of {name, value, text, isOther}, as shares of `most`.
export function Bars({ rows, most = Math.max(...rows.map(({ value }) => value)) }) {
  return html`<ul class="bars">${rows.map(({ name, value, text, isOther }) => html`<li class="bar" key=${name}>
    <span>${name}</span>
    <span class="track"><span class=${isOther ? "other" : ""} style=${{ width: `${Math.min(100, (100 * value) / (most || 1))}%` }} /></span>
    <span class="number">${text}</span>
  </li>`)}</ul>`;
}

// Lines of {name, points, kind}: points are [x, y], a kind is "main", "other" (dashed) or "ideal"
// (dotted). With `sizes`, the main one has dots of these areas too.
export function Lines({ label, series, xName, xs, ys, sizes }) {
  const points = series.flatMap((each) => each.points);
  const [x, y] = [scale(xs ?? range(points, 0), LEFT, WIDTH - EDGE), scale(ys ?? range(points, 1), HEIGHT - BOTTOM, EDGE)];
  const main = series.find(({ kind }) => kind === "main").points;
  return html`<svg class="plot" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
      <${Axes} x=${x} y=${y} xName=${xName} />
      ${series.map((each) => html`<polyline class=${each.kind} points=${each.points.map(([a, b]) => `${x.at(a)},${y.at(b)}`).join(" ")} />`)}
      ${sizes?.map((size, place) => html`<circle r=${1.5 + 5 * Math.sqrt(size / Math.max(...sizes))} cx=${x.at(main[place][0])} cy=${y.at(main[place][1])} />`)}
    </svg>
    <ul class="series">${series.map(({ name, kind }) => html`<li><i class=${kind} />${name}</li>`)}</ul>`;
}

function Axes({ x, y, xName }) {
  const bottom = HEIGHT - BOTTOM;
  return html`<g class="axes">
    ${y.ticks.map((tick) => html`<path d=${`M${LEFT} ${y.at(tick)}H${WIDTH - EDGE}`} />
      <text x=${LEFT - 5} y=${y.at(tick) + 3.5} text-anchor="end">${number(tick)}</text>`)}
    ${x.ticks.map((tick) => html`
      <text x=${x.at(tick)} y=${bottom + 14} text-anchor="middle">${number(tick)}</text>`)}
    <text x=${(LEFT + WIDTH - EDGE) / 2} y=${HEIGHT - 5} text-anchor="middle">${xName}</text>
  </g>`;
}

function range(points, axis) {
  const values = points.map((point) => point[axis]);
  return [Math.min(...values), Math.max(...values)];
}

// From the numbers `low` to `high` to places of the drawing, with round numbers between them.
function scale([low, high], from, to) {
  const span = high - low || 1;
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return {
    at: (value) => from + ((value - low) / span) * (to - from),
    ticks: Array.from({ length: count }, (_, place) => Number(((first + place) * step).toPrecision(12))),
  };
}

// Shares of bins that came, as bars, under those of the training, as steps.
export function Histogram({ label, bins, live, training }) {
  const [width, height] = [WIDTH / bins.length, 90];
  const most = Math.max(...live, ...training, 0.01);
  const top = (share) => height - (share / most) * (height - 4);
  const steps = training.map((share, place) => `${place ? "L" : "M"}${place * width} ${top(share)}h${width}`).join("");
  return html`<svg class="plot histogram" viewBox=${`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" role="img" aria-label=${label}>
    ${live.map((share, place) => html`<rect x=${place * width + width * 0.12} width=${width * 0.76} y=${top(share)} height=${height - top(share)}>
      <title>${bins[place]}: ${percent(share)}, ${percent(training[place])} in training</title></rect>`)}
    <path class="steps" d=${steps} />
  </svg>`;
}

// An index over a day, with the bounds beyond which it says something.
export function Spark({ label, points, bounds, from, to }) {
  const height = 34;
  const most = Math.max(1.2 * bounds.at(-1), ...points.map(([, index]) => index));
  const [x, y] = [scale([from, to], 3, WIDTH - 3), scale([0, most], height - 3, 3)];
  return html`<svg class="plot spark" viewBox=${`0 0 ${WIDTH} ${height}`} role="img" aria-label=${label}>
    ${bounds.map((bound) => html`<path class="bound" d=${`M0 ${y.at(bound)}H${WIDTH}`} />`)}
    <polyline class="main" points=${points.map(([when, index]) => `${x.at(when)},${y.at(index)}`).join(" ")} />
    ${points.slice(-1).map(([when, index]) => html`<circle r="2.5" cx=${x.at(when)} cy=${y.at(index)} />`)}
  </svg>`;
}

// Quantiles of an error, as bands that hold more and more of it about the median.
export function Bands({ label, quantiles, unit }) {
  const sorted = Object.entries(quantiles).map(([at, value]) => [Number(at), value]).sort(([a], [b]) => a - b);
  const values = sorted.map(([, value]) => value);
  const x = scale([Math.min(0, ...values), Math.max(0, ...values)], EDGE + 10, WIDTH - EDGE - 10);
  const pairs = sorted.slice(0, sorted.length >> 1).map(([, low], place) => [low, sorted.at(-1 - place)[1]]);
  const middle = sorted.length % 2 ? sorted[sorted.length >> 1][1] : null;
  return html`<svg class="plot" viewBox=${`0 0 ${WIDTH} 86`} role="img" aria-label=${label}>
    ${pairs.map(([low, high], place) => html`<rect class="band" rx="3" x=${x.at(low)} width=${x.at(high) - x.at(low)} y=${20 - 4 * place} height=${16 + 8 * place} />`)}
    ${middle !== null && html`<path class="median" d=${`M${x.at(middle)} 8V48`} />`}
    <path class="zero" d=${`M${x.at(0)} 2V56`} />
    <g class="axes">${x.ticks.map((tick) => html`<text x=${x.at(tick)} y="68" text-anchor="middle">${number(tick)}</text>`)}
      <text x=${WIDTH / 2} y="82" text-anchor="middle">${unit}</text></g>
  </svg>`;
}

// What was predicted of each true class: a table whose cells are the deeper, the more there are.
export function Confusion({ matrix }) {
  const labels = [...new Set([...Object.keys(matrix), ...Object.values(matrix).flatMap(Object.keys)])];
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Confusion"><table class="confusion">
    <thead><tr><td></td>${labels.map((label) => html`<th scope="col"><span>${label}</span></th>`)}</tr></thead>
    <tbody>${labels.map((truth) => html`<tr><th scope="row">${truth}</th>
      ${labels.map((label) => html`<${Cell} row=${matrix[truth] ?? {}} label=${label} isRight=${label === truth} />`)}</tr>`)}
    </tbody></table></div>`;
}

function Cell({ row, label, isRight }) {
  const count = row[label] ?? 0;
  const share = count / (Object.values(row).reduce((sum, each) => sum + each, 0) || 1);
  const depth = count ? 8 + 42 * Math.sqrt(share) : 0; // percent
  const background = `color-mix(in srgb, var(--${isRight ? "bar" : "bad"}) ${depth}%, transparent)`;
  return html`<td title=${`${number(count)}, ${percent(share)}`} style=${{ background }}>${count ? (share < 0.005 ? "<1" : Math.round(100 * share)) : ""}</td>`;
}
