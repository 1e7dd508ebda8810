// A version's card: what it says of itself, in charts where it has the numbers for them.
import { html } from "../vendor/htm-preact.js";
import { Bands, Bars, Confusion, Figure, Lines, Table } from "../charts.js";
import { date, duration, measured, number, words } from "./words.js";
import { percent } from "../words.js";

const MOST_CLASSES = 20; // that a matrix can show
const FIFTH = "interval_coverage_";

export function Card({ card }) {
  const [metric, validated] = [card.metrics[0], card.validation_metrics?.[0]];
  return html`
    <p>${card.task}. <span class="quiet">${number(card.parameters)} weights${beside(card.numbers)}, trained on ${date(card.trained_at)} in ${duration(card.training_seconds)}.</span></p>
    <${Metrics} card=${card} />
    <div class="charts">
      ${card.reliability?.length && html`<${Reliability} bins=${card.reliability} />`}
      ${card.confusion_matrix && html`<${Matrix} matrix=${card.confusion_matrix} />`}
      ${card.residual_quantiles && html`<${Residuals} quantiles=${card.residual_quantiles} unit=${metric?.unit ?? ""} />`}
      <${Coverage} metrics=${card.metrics.filter(({ name }) => name.startsWith(FIFTH))} />
      ${slices(card.slices).map(([by, parts]) => html`<${Slices} key=${by} by=${by} parts=${parts} metrics=${card.metrics} />`)}
      <${ClassSets} sets=${card.class_sets ?? []} />
      ${card.familiarity && html`<${Strangers} familiarity=${card.familiarity} />`}
      ${card.explanation?.curves?.map((curve) => html`<${Faithfulness} key=${curve.name} curve=${curve} method=${card.explanation.method} />`)}
      <${Variants} title="Under rough handling" note="of test inputs as careless hands send them" of=${card.robustness} metric=${metric} />
      <${Variants} title="Written to be difficult" note="of examples that no training has seen, by their kind" of=${card.probes} metric=${metric} />
      <${Variants} title="Beside simpler models" note="on the test part" of=${card.baselines} metric=${metric} />
      <${Variants} title="With other seeds" note="on the test part" of=${card.seeds} metric=${metric} />
      <${Variants} title="Less one ingredient" note="on the validation part" of=${card.ablations} metric=${validated} />
      ${card.learning_curves.map((curve) => html`<${Learning} key=${curve.name} curve=${curve} />`)}
    </div>
    <${Data} data=${card.data_set} />
    <${Making} card=${card} />`;
}

// What a version holds beside its trained weights, if it tells.
function beside(numbers) {
  const told = { frozen: "frozen ones", statistics: "statistics", features: "numbers in tables before the network", answer: "in tables after it" };
  const rows = Object.entries(told).filter(([kind]) => numbers?.[kind]).map(([kind, what]) => `${number(numbers[kind])} ${what}`);
  return rows.length ? ` trained, beside ${rows.join(", ")}` : "";
}

function Metrics({ card }) {
  const validation = Object.fromEntries(card.validation_metrics?.map((each) => [each.name, each]) ?? []);
  const told = (metric) => metric && measured(metric.value, metric.standard_error);
  const rows = card.metrics.filter(({ name }) => !name.startsWith(FIFTH)).map((each) => [
    html`${words(each.name)}${each.unit === "1" ? "" : `, ${each.unit}`}<span class="quiet definition">${each.definition}</span>`,
    html`<strong>${told(each)}</strong>`, told(validation[each.name]),
  ]);
  return html`<${Table} title="How good it is" head=${["figure", "test", "validation"]} rows=${rows} />`;
}

// Lines over the same places, by their names; the first is the one that matters.
function Curves({ title, note, xName, at, told = number, lines, ideal, ...more }) {
  const names = Object.keys(lines);
  const series = names.map((name, place) => ({ name, kind: place ? "other" : "main", points: lines[name].map((value, each) => [at[each], value]) }));
  return html`<${Figure} title=${title} note=${note} head=${[xName, ...names]}
      rows=${at.map((each, place) => [told(each), ...names.map((name) => told(lines[name][place] ?? NaN))])}>
    <${Lines} label=${`${title}: ${names.join(" and ")} over ${xName}`} series=${[...(ideal ?? []), ...series]} xName=${xName} ...${more} />
  <//>`;
}

function Reliability({ bins }) {
  const [confidence, accuracy, counts] = ["confidence", "accuracy", "count"].map((name) => bins.map((bin) => bin[name]));
  const ideal = [{ name: "as right as it is sure", kind: "ideal", points: [[0, 0], [1, 1]] }];
  return html`<${Curves} title="Reliability" note="How often it is right, by how sure it is; larger dots are more examples."
    xName="confidence" at=${confidence} lines=${{ accuracy }} told=${percent} ideal=${ideal} sizes=${counts} xs=${[0, 1]} ys=${[0, 1]} />`;
}

function Faithfulness({ curve, method }) {
  const lines = { "as explained": curve.explained, "at random": curve.random };
  return html`<${Curves} title=${`Explanations: ${curve.name}`} note=${`${method}.`} xName="share of the input" at=${curve.shares} lines=${lines} />`;
}

function Learning({ curve: { name, train, validation } }) {
  return html`<${Curves} title=${`Learning: ${words(name)}`} xName="epoch" at=${train.map((_, epoch) => epoch + 1)} lines=${{ validation, training: train }} />`;
}

function Matrix({ matrix }) {
  const isShown = Object.keys(matrix).length <= MOST_CLASSES;
  const note = isShown ? "What was predicted (columns) of each true class (rows), in percent of it." : "What is taken for something else most often.";
  return html`<${Figure} title="Confusion" wide=${isShown} note=${note}>
    ${isShown ? html`<${Confusion} matrix=${matrix} />` : html`<${Bars} rows=${confused(matrix).slice(0, 10)} />`}
  <//>`;
}

function confused(matrix) {
  const pairs = Object.entries(matrix).flatMap(([truth, row]) => Object.entries(row)
    .filter(([label]) => label !== truth).map(([label, value]) => ({ name: `${truth} as ${label}`, value, text: number(value) })));
  return pairs.sort((one, other) => other.value - one.value);
}

function Residuals({ quantiles, unit }) {
  const rows = Object.entries(quantiles).map(([at, value]) => [percent(at), number(value)]);
  const label = `Quantiles of the error: ${rows.map(([at, value]) => `${at} are below ${value}`).join(", ")}`;
  return html`<${Figure} title="Residuals" head=${["of them", `are below, ${unit}`]} rows=${rows}
      note="Predicted minus actual: each band holds what lies between two quantiles, the line is the median.">
    <${Bands} label=${label} quantiles=${quantiles} unit=${unit} />
  <//>`;
}

// Shares of 1, by their names.
function Shares({ title, note, shares, ...more }) {
  const rows = shares.map(([name, value]) => ({ name, value, text: percent(value) }));
  return shares.length > 0 && html`<${Figure} title=${title} note=${note} ...${more}><${Bars} rows=${rows} most=${1} /><//>`;
}

function Coverage({ metrics }) {
  return html`<${Shares} title="Coverage" note="How many actual values lie in their interval, by how high the prediction is."
    shares=${metrics.map(({ name, value }) => [words(name.slice(FIFTH.length)), value])} />`;
}

function ClassSets({ sets }) {
  const sizes = sets.map((each) => `${number(each.mean_size)} of ${percent(each.coverage)}`).join(", ");
  return html`<${Shares} title="Class sets" note=${`How many hold the true class. Classes in a set, on average: ${sizes}.`}
    shares=${sets.map((each) => [`${percent(each.coverage)} promised`, each.measured])} />`;
}

function Strangers({ familiarity: { strangers = [], ...told } }) {
  const note = `By ${told.method}: below ${number(told.threshold)}, as ${percent(told.false_alarms)} of the test part are.`;
  const rows = strangers.map((each) => [each.name, number(each.auroc), number(each.auroc_of_confidence ?? NaN), number(each.count)]);
  return html`<${Shares} title="Strangers that are noticed" note=${note} shares=${strangers.map(({ name, noticed }) => [name, noticed])}
    head=${["strangers", "AUROC", "AUROC of confidence", "examples"]} rows=${rows} />`;
}

// The card's first figure, of others beside this version.
function Variants({ title, note, of: variants = [], metric }) {
  const others = variants.filter(({ metrics }) => metric?.name in metrics);
  const rows = [{ name: "this version", metrics: { [metric?.name]: metric?.value } }, ...others].map(({ name, metrics }, place) => (
    { name, value: metrics[metric?.name], text: number(metrics[metric?.name]), isOther: place > 0 }));
  return others.length > 0 && html`<${Figure} title=${title} note=${`${words(metric.name)}${metric.unit === "1" ? "" : `, ${metric.unit}`}, ${note}`}><${Bars} rows=${rows} /><//>`;
}

// Parts of the test part, by what tells them from each other.
function slices(all = []) {
  return [...new Set(all.map(({ by }) => by))].map((by) => [by, all.filter((part) => part.by === by)]);
}

// A figure in each part, beside that in all of them: the first whose scatter is known.
function Slices({ by, parts, metrics: all }) {
  const metric = all.find(({ name }) => name in parts[0].metrics);
  const told = ({ metrics, standard_errors: errors }) => measured(metrics[metric.name], errors[metric.name]);
  const bars = parts.map((part) => ({ name: part.name, value: part.metrics[metric.name], text: told(part) }));
  const whole = { name: "all", value: metric.value, text: measured(metric.value, metric.standard_error), isOther: true };
  const unit = metric.unit === "1" ? "" : `, ${metric.unit}`;
  return html`<${Figure} title=${`By ${by}`} note=${`${words(metric.name)}${unit}, in parts of the test part`}
      head=${["part", words(metric.name), "examples"]} rows=${parts.map((part) => [part.name, told(part), number(part.count)])}>
    <${Bars} rows=${[whole, ...bars]} />
  <//>`;
}

function Data({ data: { name, source, split, split_method: method, findings = [] } }) {
  return html`<h3>Data</h3>
    <p>${name}: ${number(split.train)} examples to train on, ${number(split.validation)} for validation, ${number(split.test)} for the test. <span class="quiet">${method}.</span></p>
    <p class="quiet source">${source}</p>
    <ul class="plain">${findings.map((each) => html`
      <li><span class=${`badge is-${each.severity}`}>${each.severity}</span> <strong>${each.name}</strong>, ${percent(each.share)}: ${each.message}</li>`)}</ul>`;
}

function Making({ card }) {
  const rows = Object.entries({ ...card.hyper_parameters, seed: card.seed, ...card.libraries });
  return html`<details><summary>How it was made</summary>
    ${card.command && html`<pre class="wrapped">${card.command}</pre>`}
    <${Table} title="How it was made" head=${["what", "with"]} rows=${rows.map(([name, value]) => [words(name), String(value)])} />
  </details>`;
}
