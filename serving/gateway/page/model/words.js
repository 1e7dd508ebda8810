// Numbers as they are read.

const rounded = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

// Four digits, and all of those before the point; nothing of what is not there.
export function number(value) {
  if (Number.isNaN(value)) return "";
  return Math.abs(value) >= 1000 ? whole.format(value) : rounded.format(value);
}

// As many digits as its standard error leaves it.
export function measured(value, error) {
  if (!error) return number(value);
  const options = { maximumFractionDigits: Math.max(0, Math.ceil(-Math.log10(error))) };
  return [value, error].map((each) => each.toLocaleString("en", options)).join(" ± ");
}

export const words = (name) => name.replaceAll("_", " ");
export const date = (when) => new Date(when).toLocaleDateString([], { dateStyle: "medium" });
export const time = (when) => new Date(when).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

export function duration(seconds) {
  if (seconds > 100) return `${number(Math.round(seconds / 60))} min`;
  return seconds < 1 ? `${Number((1000 * seconds).toPrecision(3))} ms` : `${Number(seconds.toPrecision(3))} s`;
}
