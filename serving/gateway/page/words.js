// Numbers as people read them.

export const dollars = (amount) => `${amount < 0 ? "−" : ""}$${Math.round(Math.abs(amount)).toLocaleString("en")}`;
export const signed = (amount, words) => `${amount < 0 ? "−" : "+"} ${words(Math.abs(amount))}`;
export const percent = (share) => `${Number((100 * share).toFixed(share > 0.999 || share < 0.001 ? 2 : 1))} %`;
export const milliseconds = (seconds) => `${Number((1000 * seconds).toPrecision(seconds < 0.1 ? 2 : 3))} ms`;
