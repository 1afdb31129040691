// Sets the theme before the first paint. An own file, because the content security policy allows no inline script.
(function () {
  var stored = null;
  try { stored = localStorage.getItem('rm-theme'); } catch { /* storage may be off */ }
  var light = stored ? stored === 'light' : matchMedia('(prefers-color-scheme: light)').matches;
  document.documentElement.dataset.theme = light ? 'light' : 'dark';
})();
