/* The Studio's small helps: words that a click inserts, ratios, the dice, and errors that get the focus.
   Everything works without it; htmx does the rest. */

const form = () => document.getElementById("studio-form");
const JAPANESE = /[\u3040-\u30ff\u3400-\u9fff]/;

function joint(before, word) {
  if (!before.trim()) return "";
  if (/[,、，\s(\[{|:]$/.test(before)) return "";
  if (/[いなの]$/.test(before) && JAPANESE.test(word)) return "";
  return JAPANESE.test(before.slice(-1)) && JAPANESE.test(word) ? "、" : ", ";
}

function insert(box, word) {
  const at = box === document.activeElement || box.dataset.touched ? box.selectionEnd : box.value.length;
  const before = box.value.slice(0, at);
  box.setRangeText(joint(before, word) + word, at, at, "end");
  box.dataset.touched = "yes";
  announce(box);
}

function announce(control) {
  control.dispatchEvent(new Event("input", { bubbles: true }));
}

function setSize(button) {
  form().elements.width.value = button.dataset.width;
  form().elements.height.value = button.dataset.height;
  markRatio();
  announce(form().elements.height);
}

function markRatio() {
  const { width, height } = form().elements;
  for (const button of document.querySelectorAll("[data-width]")) {
    button.setAttribute("aria-pressed", button.dataset.width === width.value && button.dataset.height === height.value);
  }
}

function followWeight(control) {
  const { weightOf } = control.dataset;
  if (weightOf) document.getElementById(weightOf).value = control.value;
  else if (control.value) control.parentElement.querySelector("[data-weight-of]").value = control.value;
}

/* The button that was pressed is drawn anew, or gone: go on at the new row, or where one more is chosen. */
function focusAdapter(pressed) {
  if (pressed !== "add_adapter" && pressed !== "remove_adapter") return;
  const newest = [...form().querySelectorAll(".weight > input:not(#id_adapter_weight)")].pop();
  const next = document.getElementById("id_adapter");
  (pressed === "add_adapter" ? (newest ?? next) : (next ?? newest))?.focus();
}

function setSeed(value) {
  form().elements.seed.value = value;
  announce(form().elements.seed);
}

function showResults() {
  const title = document.getElementById("results-title");
  const { top } = title.getBoundingClientRect();
  if (top < 0 || top > innerHeight - 160) title.scrollIntoView({ block: "start" });
}

function uncover() {
  if (!form()) return;
  for (const hidden of form().querySelectorAll(".ratios, [data-dice], [data-any-seed], [data-uncover]")) hidden.hidden = false;
  markRatio();
  const button = document.getElementById("generate");
  if (!button.classList.contains("htmx-request")) button.disabled = "blocks" in document.getElementById("why").dataset;
  for (const errors of form().querySelectorAll(".errors")) {
    const control = document.getElementById(errors.id.replace(/_error$/, ""));
    if (control) control.setAttribute("aria-invalid", errors.childElementCount > 0);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !form()?.contains(button)) return;
  if (button.dataset.insert) insert(button.closest(".slot").querySelector("textarea"), button.dataset.insert);
  else if (button.dataset.width) setSize(button);
  else if ("dice" in button.dataset) setSeed(crypto.getRandomValues(new Uint32Array(1))[0]);
  else if ("anySeed" in button.dataset) setSeed("");
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form()?.contains(event.target)) {
    document.getElementById("generate")?.click();
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  uncover();
  if (event.detail.target?.id === "results" && event.detail.requestConfig?.verb === "post") showResults();
  focusAdapter(event.detail.requestConfig?.elt?.name);
  if (event.detail.target?.id !== "studio-form") return;
  const wrong = form().querySelector('[aria-invalid="true"]') ?? document.getElementById("studio-problem");
  wrong?.focus();
});

document.addEventListener("input", (event) => {
  if (event.target.matches("#id_width, #id_height")) markRatio();
  if (event.target.closest(".weight")) followWeight(event.target);
});

uncover();
