// A sheet to draw on: with a mouse, a pen or a finger, or with the keyboard.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { useId } from "../ids.js";

const SIDE = 280, PEN = 18, STEP = 8; // pixels of the sheet
const WRITING = 600; // milliseconds: so long one waits for another stroke
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// `take` gets the sheet as a PNG file after each stroke. It is wiped when somebody else's picture, or
// none, is asked about: `isOurs` tells.
export function Drawing({ isOurs, take }) {
  const about = useId();
  const sheet = useRef(null);
  const written = useRef(false);
  const [pen, move] = useState({ x: SIDE / 2, y: SIDE / 4, isDown: false });
  useEffect(() => {
    if (isOurs && written.current) return;
    wipe(sheet.current);
    written.current = false;
  }, [isOurs]);
  const draw = (from, to) => {
    written.current = true;
    stroke(sheet.current, from, to);
  };
  const send = () => sheet.current.toBlob((blob) => take(new File([blob], "drawing.png", { type: "image/png" }), WRITING));
  const pointer = usePointer(sheet, draw, send);
  const mark = (from, to) => {
    draw(from, to);
    send();
  };
  const press = (event) => {
    if (event.key === " ") {
      event.preventDefault();
      if (!pen.isDown) mark(pen, pen);
      move({ ...pen, isDown: !pen.isDown });
    } else if (event.key in ARROWS) {
      event.preventDefault();
      const [right, down] = ARROWS[event.key];
      const to = { ...pen, x: within(pen.x + STEP * right), y: within(pen.y + STEP * down) };
      if (pen.isDown) mark(pen, to);
      move(to);
    }
  };
  const at = { left: `${(100 * pen.x) / SIDE}%`, top: `${(100 * pen.y) / SIDE}%` };
  return html`<div class="sheet" role="application" tabindex="0" aria-label="Sheet to draw on" aria-describedby=${about} onKeyDown=${press}>
      <canvas ref=${sheet} width=${SIDE} height=${SIDE} ...${pointer}></canvas>
      <span class=${`pen ${pen.isDown ? "down" : ""}`} style=${at} aria-hidden="true"></span>
    </div>
    <p class="quiet" id=${about}>Draw here, with a mouse, a pen or a finger. Or with the keyboard: arrows move the pen, and the space bar sets it down and lifts it.</p>
    <p class="hidden-text" role="status">${pen.isDown ? "The pen is down." : ""}</p>`;
}

// A stroke lasts from where the pointer touches the sheet to where it leaves it.
function usePointer(sheet, draw, send) {
  const last = useRef(null);
  const place = ({ clientX, clientY }) => {
    const { left, top, width, height } = sheet.current.getBoundingClientRect();
    return { x: (SIDE * (clientX - left)) / width, y: (SIDE * (clientY - top)) / height };
  };
  const reach = (event) => {
    const to = place(event);
    draw(last.current ?? to, to);
    last.current = to;
  };
  const end = () => {
    if (last.current) send();
    last.current = null;
  };
  return {
    onPointerDown: (event) => {
      if (event.button !== 0) return;
      sheet.current.setPointerCapture(event.pointerId);
      reach(event);
    },
    onPointerMove: (event) => last.current && reach(event),
    onPointerUp: end,
    onPointerCancel: end,
  };
}

const within = (place) => Math.min(SIDE, Math.max(0, place));

// Black on white in every scheme: what is sent is what is seen.
function wipe(canvas) {
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, SIDE, SIDE);
}

function stroke(canvas, from, to) {
  const context = canvas.getContext("2d");
  Object.assign(context, { strokeStyle: "black", lineWidth: PEN, lineCap: "round" });
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
}
