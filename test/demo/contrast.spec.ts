import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const css = readFileSync(new URL('../../src/demo/page/demo.css', import.meta.url), 'utf8');

type Rgb = readonly [number, number, number];
type Palette = ReadonlyMap<string, Rgb>;

function rgb(hex: string): Rgb {
  const digits = hex.slice(1);
  const long = digits.length === 3 ? digits.replaceAll(/./g, '$&$&') : digits;
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => parseInt(long.slice(at, at + 2), 16));
  return [red, green, blue];
}

function paletteIn(block: string): [string, Rgb][] {
  return [...block.matchAll(/--([a-z-]+): (#[0-9a-f]{3,6});/g)].map(([, name = '', hex = '']) => [name, rgb(hex)]);
}

const [light = '', dark = ''] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block]) => block);
const palettes: readonly [string, Palette][] = [
  ['light', new Map(paletteIn(light))],
  ['dark', new Map([...paletteIn(light), ...paletteIn(dark)])],
];

/** As WCAG 2 defines them: how light a color is, and how far two stand apart. */
function luminance(color: Rgb): number {
  const [red = 0, green = 0, blue = 0] = color.map((of255) => {
    const part = of255 / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: Rgb, other: Rgb): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const named = (palette: Palette, name: string): Rgb => {
  const color = name.startsWith('#') ? rgb(name) : palette.get(name);
  if (color === undefined) throw new Error(`The page has no color ${name}.`);
  return color;
};

const text = 4.5;
const graphic = 3;

const pairs: readonly (readonly [string, string, number, string])[] = [
  ['ink', 'paper', text, 'the page’s text'],
  ['ink', 'card', text, 'what buttons say'],
  ['ink', 'fill', text, 'what an answer says on its bar'],
  ['soft', 'paper', text, 'hints and shares'],
  ['soft', 'card', text, 'hints on a card'],
  ['on-accent', 'accent', text, 'the button that matters'],
  ['warn', 'paper', text, 'what went wrong'],
  ['accent', 'paper', text, 'links, and the ring around what has the focus'],
  ['accent', 'card', graphic, 'the ring on a card'],
  ['accent', 'line', graphic, 'how far the clock is'],
  ['soft', 'paper', graphic, 'the edge of a field'],
  ['live', 'paper', graphic, 'the dot that says live'],
  ['heart', 'card', graphic, 'the heart'],
];

describe.each(palettes)('the colors of the demo in the %s', (_scheme, palette) => {
  test.each(pairs)('%s on %s are at least %d apart: %s', (front, back, least) => {
    expect(contrast(named(palette, front), named(palette, back))).toBeGreaterThanOrEqual(least);
  });

  test('can be read on a bar of whatever color a prompt asks about', () => {
    const share = Number(/--veil: ([\d.]+)/.exec(css)?.[1]);
    const card = named(palette, 'card');
    for (let hex = 0; hex <= 0xffffff; hex += 0x0f0f11) {
      const bar = rgb(`#${hex.toString(16).padStart(6, '0')}`);
      const [red = 0, green = 0, blue = 0] = card.map((part, at) => part * (1 - share) + (bar[at] ?? 0) * share);
      expect(contrast(named(palette, 'ink'), [red, green, blue])).toBeGreaterThanOrEqual(text);
    }
    for (const extreme of ['#ffffff', '#000000']) {
      const bar = rgb(extreme);
      const [red = 0, green = 0, blue = 0] = card.map((part, at) => part * (1 - share) + (bar[at] ?? 0) * share);
      expect(contrast(named(palette, 'ink'), [red, green, blue])).toBeGreaterThanOrEqual(text);
    }
  });
});

describe('the style of the demo', () => {
  test('has no color that is not in its palette, and so not here', () => {
    const rules = css.replaceAll(/:root \{[^}]*\}/g, '');
    expect([...rules.matchAll(/#[0-9a-f]{3,6}\b(?=[^{}]*;)/g)].map(([found]) => found)).toEqual([]);
  });

  test('shows what has the focus', () => {
    expect(css).toMatch(/:is\(a, button, input\):focus-visible \{\s*outline: 3px solid var\(--accent\)/);
    expect([...css.matchAll(/outline: none/g)]).toHaveLength(1); // The heading, which is no control.
  });
});
