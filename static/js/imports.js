/* Files that are dropped or chosen, and how far their upload is. Without it the form is sent as any other; with it the
   chosen files stay chosen whatever goes wrong. The words come from the page, translated. */

const form = document.getElementById("import-form");
const zone = document.getElementById("drop-zone");
const input = form.elements.files;
// The form has a field called dataset, which hides the form's own.
const words = zone.dataset;
const part = (name) => document.getElementById(name);

function allFiles() {
  return [...input.files, ...form.elements.table.files];
}

function showChosen() {
  const count = input.files.length;
  const size = allFiles().reduce((sum, file) => sum + file.size, 0);
  const counted = count === 1 ? words.chosenOne : words.chosenMany.replace("{count}", count);
  part("chosen-files").textContent = count ? `${counted} · ${sizeWords(size)}` : "";
  zone.classList.toggle("has-files", count > 0);
}

function sizeWords(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  const format = { style: "unit", unit: units[step], maximumFractionDigits: step ? 1 : 0 };
  return new Intl.NumberFormat(document.documentElement.lang, format).format(bytes / 1024 ** step);
}

function say(texts) {
  const notices = texts.map((text) => {
    const notice = document.createElement("div");
    notice.className = "notice stop";
    notice.textContent = text;
    return notice;
  });
  part("import-errors").replaceChildren(...notices);
  if (notices.length) part("import-errors").scrollIntoView({ block: "center" });
}

function faults() {
  const files = allFiles();
  if (!input.files.length) return [words.none];
  if (files.length > Number(words.maxFiles)) return [words.tooMany];
  if (files.reduce((sum, file) => sum + file.size, 0) > Number(words.maxBytes)) return [words.tooLarge];
  return [];
}

function showBusy(isBusy) {
  part("upload").disabled = isBusy;
  part("upload-stop").hidden = !isBusy;
  part("upload-progress").hidden = !isBusy;
}

function showProgress(loaded, total) {
  const bar = part("upload-progress").querySelector("progress");
  const isWhole = loaded >= total;
  if (isWhole) bar.removeAttribute("value");
  else bar.value = loaded / total;
  part("upload-percent").textContent = isWhole ? "" : `${Math.floor((100 * loaded) / total)} %`;
  if (isWhole) part("upload-words").textContent = words.keeping;
}

function answer(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return {};
  }
}

function finish(request) {
  const said = answer(request);
  if (request.status === 201 && said.location) return location.assign(said.location);
  showBusy(false);
  return say(said.errors ?? [words.interrupted]);
}

function send() {
  const request = new XMLHttpRequest();
  request.open("POST", form.action || location.href);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => event.lengthComputable && showProgress(event.loaded, event.total));
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => { showBusy(false); say([words.interrupted]); });
  request.addEventListener("abort", () => showBusy(false));
  part("upload-stop").onclick = () => request.abort();
  request.send(new FormData(form));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const found = faults();
  say(found);
  if (found.length) return;
  const label = part("upload-words");
  label.dataset.was ??= label.textContent;
  label.textContent = label.dataset.was;
  showBusy(true);
  send();
});

for (const name of ["dragenter", "dragover"]) {
  zone.addEventListener(name, (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
}
zone.addEventListener("dragleave", (event) => zone.contains(event.relatedTarget) || zone.classList.remove("over"));
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  input.files = event.dataTransfer.files;
  showChosen();
});
form.addEventListener("change", showChosen);
addEventListener("pageshow", () => { showBusy(false); showChosen(); });
