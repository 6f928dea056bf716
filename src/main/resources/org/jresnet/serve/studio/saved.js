const saved = JSON.parse(document.getElementById("data").textContent);
walkView(document.getElementById("walk"), {
  walk: saved.walk,
  place: saved.place,
  fixed: true,
  map: async (tensor, image, first, count) => saved.maps[tensor + " " + first + " " + count],
  trace: async (step, trace) => saved.traces[step][trace],
  text: async (file) => saved.texts[file],
});
