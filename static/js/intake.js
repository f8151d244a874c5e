/* The form for a model: a bar while its file is uploaded, and a word at once about one that is too large. Without it
   the browser uploads in its own way. */

const form = () => document.getElementById("intake-form");
const meter = () => document.getElementById("upload-progress");

function showUpload(loaded, total) {
  meter().hidden = false;
  meter().querySelector("progress").value = loaded / total;
  meter().querySelector("[data-percent]").textContent = `${Math.floor((100 * loaded) / total)} %`;
}

function look(input) {
  const [file] = input.files;
  const isTooLarge = Boolean(file) && file.size > Number(form().dataset.maxBytes);
  input.setCustomValidity(isTooLarge ? form().dataset.tooLarge : "");
  input.reportValidity();
  const name = form().querySelector("[name=name]");
  if (file && !name.value) name.value = file.name.replace(/\.safetensors$/i, "").slice(0, name.maxLength);
}

document.addEventListener("change", (event) => {
  if (event.target.matches("#intake-form [name=upload]")) look(event.target);
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target === form() && !form().querySelector("[name=upload]").reportValidity()) event.preventDefault();
});

document.addEventListener("htmx:xhr:progress", (event) => {
  const hasFile = form()?.querySelector("[name=upload]").files.length;
  if (event.target === form() && hasFile && event.detail.lengthComputable) showUpload(event.detail.loaded, event.detail.total);
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target === form()) meter().hidden = true;
});

document.addEventListener("click", (event) => {
  if (event.target.closest("#upload-progress [data-stop]")) htmx.trigger(form(), "htmx:abort");
});
