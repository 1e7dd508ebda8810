// What a model is asked now, how much of it may be, and its last minute.
import { html } from "../vendor/htm-preact.js";
import { Bars, Figure } from "../charts.js";
import { duration, number } from "./words.js";

export function Load({ load: { requests, calls, last_minute: minute } }) {
  const { shed } = minute;
  const refused = shed.bound + shed.limit;
  return html`
    <dl class="tiles">
      <${Tile} name="Requests at work" value=${requests.at_work} of=${requests.limit} more=${`the limit is ${requests.most} at most`} />
      <${Tile} name="Waiting for a call" value=${requests.queued} more=${`${Math.round(100 * requests.waiting_share)} % of the time is waiting`} />
      <${Tile} name="Calls out" value=${calls.out} of=${calls.limit} more=${`of ${number(calls.rows_limit)} rows at most`} />
      <${Tile} name="Answered" value=${minute.requests} more=${`${Number((minute.requests / minute.seconds || 0).toPrecision(2))} a second, ${number(minute.failed)} with an error`} />
      <${Tile} name="Refused" value=${refused} more=${refused ? `${shed.limit} over the model's limit, ${shed.bound} over the worker's bound` : "with 429"} />
    </dl>
    ${minute.requests > 0 && html`<div class="charts">
      <${Latency} minute=${minute} />
      ${minute.calls > 0 && html`<${Sizes} minute=${minute} />`}
    </div>`}
    <p class="quiet">Answered and refused within the last ${Math.round(minute.seconds)} seconds. All of it is as the process that answered sees it: of all together, Prometheus tells.</p>`;
}

function Tile({ name, value, of, more }) {
  return html`<div>
    <dt>${name}</dt>
    <dd><strong>${number(value)}</strong>${of !== undefined && ` of ${number(of)}`}
      ${of !== undefined && html`<span class="track" aria-hidden="true"><span style=${{ width: `${Math.min(100, (100 * value) / of)}%` }} /></span>`}
      <span class="quiet">${more}</span></dd>
  </div>`;
}

function Latency({ minute }) {
  const rows = [["half of them", minute.p50_seconds], ["90 %", minute.p90_seconds], ["99 %", minute.p99_seconds]];
  return html`<${Figure} title="Latency" note="Answered within">
    <${Bars} rows=${rows.map(([name, value]) => ({ name, value, text: duration(value) }))} />
  <//>`;
}

function Sizes({ minute }) {
  const told = minute.call_sizes.map(({ rows, calls }, place) => ({ name: named(minute.call_sizes, place, rows), value: calls, text: number(calls) }));
  const last = told.findLastIndex(({ value }) => value > 0);
  return html`<${Figure} title="Rows of a call" note=${`${number(minute.calls)} calls, ${number(minute.mean_rows)} rows on average`}>
    <${Bars} rows=${told.slice(0, last + 1)} />
  <//>`;
}

function named(sizes, place, rows) {
  const before = place ? sizes[place - 1].rows : 0;
  if (rows === null) return `over ${before}`;
  return rows === before + 1 ? `${rows}` : `${before + 1} to ${rows}`;
}
