// California, drawn from where its block groups are and what the houses there cost.
import { html, useEffect, useMemo, useRef, useState } from "../vendor/htm-preact.js";
import { get } from "../ask.js";

const NARROWER = Math.cos((37 * Math.PI) / 180); // a degree of longitude, in degrees of latitude
const WEST = -125.6, NORTH = 42.2, WIDTH = 11.7, HEIGHT = 9.9; // what is shown, in degrees
const STEP = 0.05; // degrees that an arrow key goes

// The border, by hand, to a tenth of a degree.
const BORDER = [
  [-124.2, 42], [-120, 42], [-120, 39], [-114.63, 35], [-114.15, 34.27], [-114.72, 33.4], [-114.52, 33.03],
  [-114.72, 32.72], [-117.12, 32.53], [-117.25, 32.85], [-117.6, 33.4], [-118.1, 33.72], [-118.41, 33.74],
  [-118.5, 34.02], [-118.8, 34], [-119.2, 34.12], [-119.6, 34.41], [-120.47, 34.45], [-120.64, 34.58],
  [-120.63, 35.12], [-120.88, 35.4], [-121.3, 35.67], [-121.9, 36.3], [-121.94, 36.62], [-121.79, 36.8],
  [-122.02, 36.96], [-122.4, 37.15], [-122.51, 37.5], [-122.5, 37.8], [-123, 38], [-122.97, 38.25], [-123.72, 38.92],
  [-123.82, 39.4], [-124.05, 40.05], [-124.4, 40.44], [-124.1, 41], [-124.07, 41.5],
];
const CITIES = [["San Francisco", -122.42, 37.77], ["Los Angeles", -118.25, 34.05], ["San Diego", -117.16, 32.72],
  ["Sacramento", -121.49, 38.58], ["Fresno", -119.77, 36.75]];

export const x = (longitude) => (longitude - WEST) * NARROWER;
export const y = (latitude) => NORTH - latitude;

let asked;
const drawn = () => (asked ??= get("page/try/california.json").catch((problem) => {
  asked = undefined;
  throw problem;
}));

export function useCalifornia() {
  const [places, show] = useState(null);
  // Without the grid, the border is still a map.
  useEffect(() => { drawn().then(show, (problem) => console.warn(problem.message)); }, []);
  return places;
}

// Where a place lies, by the nearest cell of the grid that has houses.
export function kindAt(places, longitude, latitude) {
  let nearest = null, least = Infinity;
  places.kinds.forEach((row, south) => [...row].forEach((letter, east) => {
    if (letter === " ") return;
    const [cellLongitude, cellLatitude] = middleOf(places, east, south);
    const distance = Math.hypot((cellLongitude - longitude) * NARROWER, cellLatitude - latitude);
    if (distance < least) [nearest, least] = [letter, distance];
  }));
  return places.names[nearest];
}

const middleOf = ({ west, north, degrees }, east, south) =>
  [west + (east + 0.5) * degrees, north - (south + 0.5) * degrees];

// One path for each level of prices.
function paths({ west, north, degrees, prices, levels }) {
  const found = Array.from({ length: levels.length + 1 }, () => []);
  const width = (degrees * NARROWER).toFixed(3);
  prices.forEach((row, south) => [...row].forEach((level, east) => {
    if (level === " ") return;
    const left = x(west + east * degrees).toFixed(3), top = y(north - south * degrees).toFixed(3);
    found[level].push(`M${left} ${top}h${width}v${degrees}h-${width}z`);
  }));
  return found.map((each) => each.join(""));
}

export function Map({ places, longitude, latitude, neighbours = [], choose }) {
  const drawing = useRef(null);
  const layers = useMemo(() => (places ? paths(places) : []), [places]);
  const press = ({ clientX, clientY }) => {
    const { left, top, width, height } = drawing.current.getBoundingClientRect();
    choose(WEST + ((clientX - left) / width) * WIDTH, NORTH - ((clientY - top) / height) * HEIGHT);
  };
  const isSet = longitude !== null && latitude !== null;
  const move = (event) => {
    const [east, north] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [];
    if (east === undefined) return;
    event.preventDefault();
    choose((longitude ?? -119.6) + east * STEP, (latitude ?? 37) + north * STEP);
  };
  return html`<figure class="map">
    <div role="application" tabindex="0" aria-label="Map of California: a click or the arrow keys choose the place" onClick=${press} onKeyDown=${move}>
      <svg ref=${drawing} viewBox=${`0 0 ${(WIDTH * NARROWER).toFixed(3)} ${HEIGHT}`} aria-hidden="true">
        <path class="land" d=${`M${BORDER.map((place) => `${x(place[0]).toFixed(3)} ${y(place[1])}`).join("L")}z`} />
        ${layers.map((path, level) => html`<path key=${level} class=${`level level-${level}`} d=${path} />`)}
        ${CITIES.map(([name, east, north]) => html`<text key=${name} x=${x(east) - 0.15} y=${y(north) + 0.1} text-anchor="end">${name}</text>`)}
        ${neighbours.map((each) => html`<circle class="neighbour" cx=${x(each.longitude)} cy=${y(each.latitude)} r="0.09" />`)}
        ${isSet && html`<g class="here" transform=${`translate(${x(longitude)} ${y(latitude)})`}><circle r="0.2" /><circle class="point" r="0.07" /></g>`}
      </svg>
    </div>
    <figcaption>${places && html`<${Legend} levels=${places.levels} />`}</figcaption>
  </figure>`;
}

function Legend({ levels }) {
  const thousands = (amount) => `$${amount / 1000}k`;
  return html`<span class="legend"><span>under ${thousands(levels[0])}</span>
    <span class="scale" aria-hidden="true">${[0, ...levels].map((_, level) => html`<i class=${`level-${level}`}></i>`)}</span>
    <span>over ${thousands(levels.at(-1))}</span></span>`;
}
