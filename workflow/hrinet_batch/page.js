"use strict";
// Before the rows are read: thousands of them are not laid out until they are asked for.
document.documentElement.classList.add("waiting");
document.addEventListener("DOMContentLoaded", start);

const STEP = 200; // rows that are added at a time

function start() {
  const table = document.getElementById("table");
  const [find, status, warned, more, all, count, large] = [
    "find", "status", "warned", "more", "all", "count", "large",
  ].map((name) => document.getElementById(name));
  let rows = Array.from(table.tBodies[0].rows);
  let found = rows;
  let limit = STEP;

  // Thumbnails of a row that is shown for the first time: ten thousand of them in the page itself
  // take a browser seconds, even where it loads none.
  function draw(row) {
    const cell = row.cells[1];
    if (cell.firstChild) return;
    const pictures = ["before", "after"].filter((when) => cell.dataset[when]).map((when) => {
      const picture = new Image(84, 63);
      picture.loading = "lazy";
      picture.alt = `coronal plane ${when}`;
      picture.src = cell.dataset[when];
      return picture;
    });
    if (!pictures.length) return;
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Enlarge";
    button.append(...pictures);
    cell.append(button);
  }

  function show() {
    const visible = found.slice(0, limit);
    visible.forEach(draw);
    table.tBodies[0].replaceChildren(...visible);
    const text = (number) => number.toLocaleString("en");
    const shown = Math.min(limit, found.length);
    count.value = `${text(shown)} of ${text(found.length)} found, ${text(rows.length)} in all`;
    more.hidden = all.hidden = found.length <= limit;
    more.textContent = `Show ${Math.min(STEP, found.length - shown)} more`;
    all.textContent = `Show all ${text(found.length)}, to print them`;
  }

  const texts = new Map(); // what a row is found by; made when it is first needed
  function textOf(row) {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  }

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = rows.filter(
      (row) =>
        (!status.value || row.className === status.value) &&
        (!warned.checked || row.querySelector("li")) &&
        words.every((word) => textOf(row).includes(word)),
    );
    limit = STEP;
    show();
  }

  function sort(column, kind, descending) {
    const key = (row) => {
      const cell = row.cells[column];
      const text = cell.dataset.v ?? cell.textContent;
      return kind === "text" ? text : text === "" ? null : Number(text);
    };
    const sign = descending ? -1 : 1;
    const keyed = rows.map((row) => [key(row), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // none: always last
      return sign * (a < b ? -1 : a > b ? 1 : 0);
    });
    rows = keyed.map(([, row]) => row);
    filter();
  }

  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    if (!head.dataset.key) return;
    // No <button>: headings that are repeated on printed pages would lack it.
    const button = document.createElement("span");
    button.role = "button";
    button.tabIndex = 0;
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.ariaSort === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.ariaSort = descending ? "descending" : "ascending";
      sort(column, head.dataset.key, descending);
    });
    button.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      button.click();
    });
  });

  table.addEventListener("click", (event) => {
    const pair = event.target.closest(".pair button");
    if (!pair) return;
    const pictures = Array.from(pair.querySelectorAll("img"), (small) => {
      const picture = document.createElement("img");
      picture.src = small.src;
      picture.alt = small.alt;
      return picture;
    });
    large.querySelector("figure").replaceChildren(...pictures);
    large.showModal();
  });

  let typing;
  find.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(filter, 120);
  });
  for (const field of [find, status, warned]) field.addEventListener("change", filter);
  more.addEventListener("click", () => { limit += STEP; show(); });
  all.addEventListener("click", () => { limit = Infinity; show(); });
  show();
  document.documentElement.classList.replace("waiting", "ready");
}
