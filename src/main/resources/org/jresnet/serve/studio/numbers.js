/** How numbers are written. */

/** Single precision to the digits that tell any two of its values apart, shortest first. */
export function exact(value) {
  if (value === null || value === undefined) {
    return "";
  }
  if (typeof value !== "number") {
    return String(value);
  }
  for (let digits = 1; digits < 10; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === Math.fround(value)) {
      return plain(Number(text));
    }
  }
  return plain(value);
}

/** A number to so many significant digits. */
export function short(value, digits = 4) {
  return typeof value === "number" ? plain(Number(value.toPrecision(digits))) : "";
}

function plain(value) {
  return String(value).replace("-", "−").replace("e−", "e−");
}

/** Whole numbers with a unit of thousands. */
export function count(value) {
  const units = [[1e9, " G"], [1e6, " M"], [1e3, " K"]];
  for (const [size, unit] of units) {
    if (value >= size) {
      return (value / size).toFixed(2) + unit;
    }
  }
  return String(value);
}

export function percent(value) {
  return (100 * value).toFixed(2) + " %";
}
