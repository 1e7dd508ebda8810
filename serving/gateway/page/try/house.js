// A house: where it lies, on the map; all else by sliders.
import { html } from "../vendor/htm-preact.js";
import { cardOf, kindOfField } from "../question.js";
import { kindAt, Map, useCalifornia } from "./map.js";
import { middle, scale, Slider } from "./slider.js";

const PLACE = ["longitude", "latitude", "ocean_proximity"];
const PAUSE = 120; // milliseconds without a move of the slider
const DIGITS = 3; // of degrees: a hundred metres

// Somewhere is the user's to say; all else begins in the middle of what was learned.
export function initial(model) {
  const card = cardOf(model);
  return Object.fromEntries(Object.keys(model.request_schema.properties).map((name) => {
    const knots = PLACE.includes(name) ? null : scale(name, card);
    return [name, knots && middle(knots)];
  }));
}

export function Form({ model, input, change, wrong, explanation }) {
  const places = useCalifornia();
  const { properties, required } = model.request_schema;
  const card = cardOf(model);
  const set = (name) => (value) => change({ ...input, [name]: value }, PAUSE);
  const choose = (east, north) => {
    const [longitude, latitude] = [east, north].map((degrees) => Number(degrees.toFixed(DIGITS)));
    const kind = places ? kindAt(places, longitude, latitude) : input.ocean_proximity;
    change({ ...input, longitude, latitude, ocean_proximity: kind }, PAUSE);
  };
  const slider = (name) => html`<${Slider} key=${name} name=${name} schema=${properties[name]} value=${input[name]}
    knots=${PLACE.includes(name) ? null : scale(name, card)} optional=${!required.includes(name)} wrong=${wrong[name]} change=${set(name)} />`;
  return html`<div class="house">
    <div>
      <${Map} places=${places} longitude=${input.longitude} latitude=${input.latitude} choose=${choose}
        neighbours=${explanation?.neighbours} />
      <div class="place">${["longitude", "latitude"].map(slider)}
        <${Kind} schema=${kindOfField(properties.ocean_proximity)} value=${input.ocean_proximity} change=${set("ocean_proximity")} />
      </div>
    </div>
    <div class="sliders">${Object.keys(properties).filter((name) => !PLACE.includes(name)).map(slider)}</div>
  </div>`;
}

function Kind({ schema, value, change }) {
  return html`<label>ocean proximity
    <select name="ocean_proximity" value=${value ?? ""} onChange=${({ target }) => change(target.value)}>
      <option value="" disabled>choose</option>
      ${schema.enum.map((each) => html`<option value=${each}>${each}</option>`)}
    </select></label>`;
}
