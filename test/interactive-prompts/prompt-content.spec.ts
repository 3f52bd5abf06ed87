import { describe, expect, test } from '@jest/globals';
import { PromptContent, shapeOf } from '../../src/interactive-prompts/prompt-content.js';

const numeric = (min: number, max: number) => ({ style: 'numeric', text: 'How calm are you?', min, max, step: 1 });
const word = (options: readonly string[]) => ({ style: 'word', text: 'How do you feel?', options });
const color = (colors: readonly string[]) => ({ style: 'color', text: 'Pick one', colors });
const press = (text: string) => ({ style: 'press', text });

describe('the content of a prompt', () => {
  test.each([
    ['a scale from 0 to 10', numeric(0, 10)],
    ['a scale below zero', numeric(-5, 5)],
    ['a scale of one value', numeric(3, 3)],
    ['two words', word(['calm', 'tense'])],
    ['eight words', word(Array.from('abcdefgh'))],
    ['equal words', word(['same', 'same'])],
    ['a word of 45 characters', word(['a'.repeat(45), 'b'])],
    ['75 characters that take two units each', press('😌'.repeat(75))],
    ['a curly apostrophe', press('What’s next?')],
  ])('may be %s', (_, content) => {
    expect(PromptContent.parse(content)).toEqual(content);
  });

  test.each([
    ['a scale upside down', numeric(2, 1)],
    ['a scale of twelve values', numeric(0, 11)],
    ['a scale in halves', { ...numeric(0, 5), step: 0.5 }],
    ['a fraction as a bound', numeric(0.5, 5)],
    ['one word', word(['calm'])],
    ['nine words', word(Array.from('abcdefghi'))],
    ['a blank word', word(['calm', '  '])],
    ['a word of 46 characters', word(['a'.repeat(46), 'b'])],
    ['one color', color(['#000000'])],
    ['a color without #', color(['000000', '#FFFFFF'])],
    ['a color of three digits', color(['#FFF', '#FFFFFF'])],
    ['blank text', press('   ')],
    ['76 characters', press('x'.repeat(76))],
    ['text with NUL, which the log cannot keep', press('a\0b')],
    ['text with half a surrogate pair', press('a\ud83d')],
    ['a field of another style', { ...press('Hold'), options: ['a', 'b'] }],
    ['an unknown style', { style: 'scribble', text: 'Draw' }],
  ])('cannot be %s', (_, content) => {
    expect(PromptContent.safeParse(content).success).toBe(false);
  });

  test('is trimmed, and colors are written in upper case', () => {
    expect(PromptContent.parse({ style: 'color', text: ' Pick ', colors: ['#abcdef', '#00ff00'] })).toEqual({
      style: 'color',
      text: 'Pick',
      colors: ['#ABCDEF', '#00FF00'],
    });
    expect(PromptContent.parse(word([' calm', 'tense ']))).toEqual(word(['calm', 'tense']));
  });

  test('steps by one, said or not', () => {
    expect(PromptContent.parse({ style: 'numeric', text: 'How calm?', min: 1, max: 5 })).toHaveProperty('step', 1);
  });

  test('has a shape that its words do not change', () => {
    expect(shapeOf(PromptContent.parse(word(['a', 'b', 'c'])))).toEqual({ style: 'word', choices: 3 });
    expect(shapeOf(PromptContent.parse(color(['#000000', '#FFFFFF'])))).toEqual({ style: 'color', choices: 2 });
    expect(shapeOf(PromptContent.parse(numeric(1, 10)))).toEqual({ style: 'numeric', min: 1, max: 10 });
    expect(shapeOf(PromptContent.parse(press('Hold')))).toEqual({ style: 'press' });
  });
});
