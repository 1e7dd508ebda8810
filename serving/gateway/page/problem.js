// What went wrong, in the gateway's words.
import { html } from "./vendor/htm-preact.js";

export function ProblemBox({ problem, again }) {
  return html`<div class="problem" role="alert">
    <p class="title">${problem.title ?? "The page has failed"}</p>
    <p>${problem.detail ?? problem.message}</p>
    ${problem.errors?.length > 1 && html`<ul>${problem.errors.map(({ field, message }) => html`<li>${field}: ${message}</li>`)}</ul>`}
    ${problem.hint && html`<p class="quiet">${problem.hint}</p>`}
    ${again && html`<button onClick=${again}>Ask again</button>`}
  </div>`;
}
