// The theme that the user has chosen, before anything is painted: it is no module, so that the browser waits for it.

(() => {
  const key = "martlet-theme";
  const read = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const root = document.documentElement;

  function apply(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme; else delete root.dataset.theme;
    dispatchEvent(new Event("themechange"));
  }

  apply(read());
  addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    choice.value = root.dataset.theme ?? "auto";
    choice.onchange = () => {
      // Where nothing can be kept, the choice holds until the page is loaded again.
      try { if (choice.value === "auto") localStorage.removeItem(key); else localStorage.setItem(key, choice.value); } catch {}
      apply(choice.value);
    };
  });
})();
