
"use strict";
(() => {
  // Light or dark: as the system says, until the reader says otherwise.
  const root = document.documentElement;
  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = (value) => {
    try { // storage is closed to some local files
      if (value) localStorage.setItem("sweeper-theme", value);
      return localStorage.getItem("sweeper-theme");
    } catch { return null; }
  };
  const dark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const say = () => { toggle.textContent = dark() ? "Light theme" : "Dark theme"; };
  const kept = stored();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  toggle.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    stored(root.dataset.theme);
    say();
  });
  system.addEventListener("change", say);
  toggle.hidden = false;
  say();

  // A telephone begins with the answers alone: what is unfolded elsewhere is a tap away.
  if (matchMedia("(max-width: 36rem)").matches) {
    for (const evidence of document.querySelectorAll(".evidence[open]")) evidence.open = false;
  }

  // Tables sort by any column; numbers by their full value, gaps last.
  const sort = (table, index, direction) => {
    const body = table.tBodies[0];
    const numeric = table.tHead.rows[0].cells[index].classList.contains("n");
    const key = (row) => {
      const cell = row.cells[index];
      return numeric ? parseFloat(cell.dataset.k) : cell.textContent.trim();
    };
    const empty = (k) => (numeric ? Number.isNaN(k) : k === "–" || k === "");
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => {
      if (empty(a) || empty(b)) return empty(a) - empty(b);
      return direction * (numeric ? a - b : a.localeCompare(b, "en", { numeric: true, sensitivity: "base" }));
    });
    body.append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((cell, index, cells) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...cell.childNodes);
      cell.append(button);
      cell.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const ascending = cell.getAttribute("aria-sort") !== "ascending";
        for (const other of cells) other.setAttribute("aria-sort", "none");
        cell.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        sort(table, index, ascending ? 1 : -1);
      });
    });
  }

  // Commands can be copied; where the clipboard is closed, they are selected.
  for (const button of document.querySelectorAll(".copy")) {
    const command = button.parentElement.querySelector("code");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(command);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  // On paper nothing can be unfolded.
  const folded = new Set();
  const unfold = () => {
    for (const details of document.querySelectorAll("details:not([open])")) {
      folded.add(details);
      details.open = true;
    }
  };
  const fold = () => {
    for (const details of folded) details.open = false;
    folded.clear();
  };
  addEventListener("beforeprint", unfold);
  addEventListener("afterprint", fold);
  matchMedia("print").addEventListener("change", (event) => (event.matches ? unfold() : fold()));
})();
