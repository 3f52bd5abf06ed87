import { describe, expect, test } from '@jest/globals';
import { displayNameOf } from '../../src/interactive-prompts/display-name.js';

describe('a display name', () => {
  test.each([
    ['the given name', { givenName: 'Ada', name: 'Augusta King', nickname: 'ak' }, 'Ada'],
    ['the first word of the name', { name: ' Augusta Ada King ', preferredUsername: 'ak' }, 'Augusta'],
    ['the preferred user name', { preferredUsername: 'ak', nickname: 'Queen' }, 'ak'],
    ['the nickname', { nickname: 'Queen' }, 'Queen'],
    ['nobody in particular', {}, 'Anonymous'],
    ['what comes next when a claim is blank', { givenName: '  ', nickname: 'Queen' }, 'Queen'],
    ['what comes next when a claim is no text', { givenName: 'a\0', nickname: 'Queen' }, 'Queen'],
  ])('is %s', (_, claims, name) => {
    expect(displayNameOf(claims)).toBe(name);
  });
});
