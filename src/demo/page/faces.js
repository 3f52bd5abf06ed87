/**
 * Faces. The product keeps no image files, only their uids, so a face is drawn from its uid: the same one always looks the same.
 */
const svgNamespace = 'http://www.w3.org/2000/svg';

export function face(seed, name) {
  const dice = diceOf(seed);
  const hue = Math.floor(dice() * 360);
  const svg = shape('svg', { viewBox: '0 0 40 40', class: 'face', role: 'img', 'aria-label': name });
  const clip = shape('circle', { cx: 20, cy: 20, r: 20, fill: `hsl(${hue} 58% 82%)` });
  const tilt = Math.round((dice() - 0.5) * 16);
  const head = shape('g', { transform: `rotate(${tilt} 20 20)` });
  const ink = `hsl(${hue} 45% 24%)`;
  const gap = 4.5 + dice() * 2.5;
  const eyeY = 16 + dice() * 3;
  const eyeR = 1.7 + dice() * 0.9;
  for (const x of [20 - gap, 20 + gap]) head.append(shape('circle', { cx: x, cy: eyeY, r: eyeR, fill: ink }));
  const width = 4 + dice() * 3;
  const smile = 1.5 + dice() * 4;
  const mouthY = 25 + dice() * 2;
  const mouth = `M${20 - width} ${mouthY}Q20 ${mouthY + smile} ${20 + width} ${mouthY}`;
  head.append(shape('path', { d: mouth, fill: 'none', stroke: ink, 'stroke-width': 1.9, 'stroke-linecap': 'round' }));
  const hair = 7 + dice() * 5;
  const lock = `M2 ${hair + 3}Q${10 + dice() * 20} ${hair - 9} 38 ${hair + 3}L38 -6L2 -6Z`;
  head.append(shape('path', { d: lock, fill: `hsl(${(hue + 190 + dice() * 60) % 360} 42% 52%)` }));
  svg.append(clip, head);
  return svg;
}

/** A new image uid, for whoever has no picture yet. */
export function anImageUid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const text = btoa(String.fromCharCode(...bytes));
  return `oseh_if_${text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`;
}

function shape(kind, attributes) {
  const element = document.createElementNS(svgNamespace, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** Numbers from 0 to 1 that depend on the text alone. */
function diceOf(text) {
  let state = 2_166_136_261;
  for (const letter of text) state = Math.imul(state ^ letter.codePointAt(0), 16_777_619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
