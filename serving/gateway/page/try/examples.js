// Examples to click, of each kind; and the one that a model names itself.
import { html } from "../vendor/htm-preact.js";
import { chosen, fromBase64 } from "./picture.js";

const TEXTS = {
  praise: "A warm, funny film with a cast that never puts a foot wrong. I loved it!",
  scorn: "Two hours of my life that nobody will give back: wooden acting, a plot full of holes, and a score that never stops.",
  "mixed feelings": "The first half is clever and beautifully shot. Then it loses all interest in its own people, and so did I.",
  irony: "Oh great, another sequel. Just what the world was waiting for. I could hardly keep my eyes open, what a triumph.",
  "not English": "Ein Film, der sich Zeit nimmt und dafür mit leisen, genauen Bildern belohnt.",
};

const house = (longitude, latitude, age, rooms, bedrooms, population, households, income, place) => ({
  longitude, latitude, housing_median_age: age, total_rooms: rooms, total_bedrooms: bedrooms, population, households,
  median_income: income, ocean_proximity: place,
});
const HOUSES = {
  "Berkeley hills": house(-122.25, 37.89, 40, 3000, 450, 1100, 430, 7.2, "NEAR BAY"),
  "Fresno": house(-119.79, 36.77, 28, 1900, 390, 1250, 365, 2.4, "INLAND"),
  "Los Angeles, by the sea": house(-118.49, 34.02, 34, 2100, 480, 900, 450, 5.1, "<1H OCEAN"),
  "mountains": house(-120.03, 38.93, 20, 2600, 520, 600, 240, 3.1, "INLAND"),
  "out in the Pacific": house(-126.5, 36, 25, 2100, 430, 1200, 410, 3.5, "NEAR OCEAN"),
};

const PICTURES = ["airplane", "automobile", "bird", "ship", "truck"]; // drawn for this page

// By kind: a list of [name, input or a function that fetches it, address of a picture].
export function examplesOf(kind, model) {
  const { name, example } = model;
  if (kind === "text" && name === "sentiment") return Object.entries(TEXTS).map(([title, text]) => [title, { text }]);
  if (kind === "house") return Object.entries(HOUSES);
  if (kind === "picture" && name === "image") return PICTURES.map(picture);
  if (kind === "picture") return [["its own example", () => fromBase64(Object.values(example)[0], "example.png")]];
  return example ? [["its own example", example]] : [];
}

function picture(title) {
  const address = `page/pictures/${title}.png`;
  return [title, async () => chosen(new File([await (await fetch(address)).blob()], `${title}.png`, { type: "image/png" })), address];
}

export function Examples({ kind, model, choose }) {
  const examples = examplesOf(kind, model);
  if (!examples.length) return null;
  const take = async (input) => choose(typeof input === "function" ? await input() : input);
  return html`<ul class="chips" aria-label="Examples"><li class="quiet" aria-hidden="true">Examples:</li>
    ${examples.map(([title, input, picture]) => html`<li key=${title}><button type="button" onClick=${() => take(input)}>
      ${picture ? html`<img src=${picture} alt=${title} />` : title}</button></li>`)}
  </ul>`;
}
