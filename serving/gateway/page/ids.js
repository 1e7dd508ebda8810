// Names for elements that others point to: forms of several models are on the page at once.
import { useState } from "./vendor/htm-preact.js";

let number = 0;

export const useId = () => useState(() => `id-${(number += 1)}`)[0];
