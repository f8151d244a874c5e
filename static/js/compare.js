/* Look closer: pointing at one picture enlarges the same place in all of them. */

const box = document.getElementById("compare");

function look(event) {
  const lens = event.target.closest(".lens");
  if (!lens) return leave();
  const frame = lens.getBoundingClientRect();
  box.style.setProperty("--x", `${((event.clientX - frame.left) / frame.width) * 100}%`);
  box.style.setProperty("--y", `${((event.clientY - frame.top) / frame.height) * 100}%`);
  box.classList.add("zoomed");
}

function leave() {
  box.classList.remove("zoomed");
}

if (box) {
  box.addEventListener("pointermove", look);
  box.addEventListener("pointerdown", look);
  box.addEventListener("pointerleave", leave);
}
