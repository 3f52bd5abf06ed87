/**
 * The ways to answer, one for each style of prompt, and the bars that grow beside them. Each has
 * `show(stats)`, `choose(answer)`, `nameOf(event)` and `stop()`; `tell(event, data)` sends what the person does.
 */
export function answersFor(prompt, tell) {
  switch (prompt.style) {
    case 'word':
      return choices(
        prompt.options.map((label, index) => ({ label, event: 'respond_word_prompt', data: { index } })),
        (stats) => stats.word_active,
        tell,
      );
    case 'color':
      return choices(
        prompt.colors.map((color, index) => ({
          label: colorName(color),
          color,
          event: 'respond_color_prompt',
          data: { index },
        })),
        (stats) => stats.color_active,
        tell,
      );
    case 'numeric': {
      const ratings = Array.from({ length: prompt.max - prompt.min + 1 }, (_, index) => prompt.min + index);
      const options = ratings.map((rating) => ({
        label: String(rating),
        event: 'respond_numeric_prompt',
        data: { rating },
      }));
      return choices(options, (stats) => ratings.map((rating) => stats.numeric_active[rating] ?? 0), tell, 'columns');
    }
    case 'press':
      return press(tell);
  }
}

function choices(options, countsOf, tell, layout = 'rows') {
  const list = element('ul', `choices ${layout}`);
  const rows = options.map((option, index) => {
    const button = element('button');
    const name = element('span', 'label', option.label);
    const tally = element('span', 'tally');
    const bar = element('span', 'bar');
    bar.setAttribute('aria-hidden', 'true');
    button.type = 'button';
    button.setAttribute('aria-pressed', 'false');
    tally.id = `tally-${index}`;
    button.setAttribute('aria-describedby', tally.id);
    if (option.color !== undefined) {
      bar.style.setProperty('--fill', option.color);
      const swatch = element('span', 'swatch');
      swatch.style.setProperty('--fill', option.color);
      name.prepend(swatch);
    }
    button.append(bar, name);
    button.onclick = () => void tell(option.event, option.data, index);
    const item = element('li');
    item.append(button, tally);
    list.append(item);
    return { button, tally, bar };
  });
  return {
    element: list,
    show(stats) {
      const counts = countsOf(stats) ?? [];
      const total = counts.reduce((sum, count) => sum + count, 0);
      const most = Math.max(1, ...counts);
      for (const [index, { tally, bar }] of rows.entries()) {
        const count = counts[index] ?? 0;
        const percent = total === 0 ? 0 : Math.round((count / total) * 100);
        const scale = layout === 'columns' ? count / most : total === 0 ? 0 : count / total;
        bar.style.setProperty('--share', String(scale));
        if (layout === 'columns') tally.textContent = String(count);
        else tally.replaceChildren(`${percent} %`, element('small', '', String(count)));
      }
      const leader = counts.indexOf(most);
      return leader === -1 ? '' : `${options[leader].label} leads with ${Math.round((most / total) * 100)} percent.`;
    },
    choose(chosen) {
      for (const [index, { button }] of rows.entries()) button.setAttribute('aria-pressed', String(index === chosen));
    },
    nameOf({ evtype, data }) {
      if (!evtype.endsWith('_prompt_response')) return undefined;
      const at = options.find((option) => option.data.index === data.index && option.data.rating === data.rating);
      return at === undefined ? undefined : `chose ${at.label}`;
    },
    enable: (on) => rows.forEach(({ button }) => (button.disabled = !on)),
  };
}

function press(tell) {
  const button = element('button', 'press', 'Press and hold');
  const active = element('p', 'tally');
  const bar = element('span', 'bar');
  bar.setAttribute('aria-hidden', 'true');
  button.type = 'button';
  button.setAttribute('aria-pressed', 'false');
  button.append(bar);
  const set = (pressed) => {
    if (button.disabled || (button.getAttribute('aria-pressed') === 'true') === pressed) return;
    button.setAttribute('aria-pressed', String(pressed));
    void tell(`respond_press_prompt/${pressed ? 'start' : 'end'}`, {});
  };
  button.onpointerdown = (event) => {
    button.setPointerCapture(event.pointerId);
    set(true);
  };
  button.onpointerup = button.onpointercancel = button.onblur = () => set(false);
  const isKey = ({ key }) => key === ' ' || key === 'Enter';
  button.onkeydown = (event) => isKey(event) && set(true);
  button.onkeyup = (event) => isKey(event) && set(false);
  const holder = element('div', 'pressing');
  holder.append(button, active);
  return {
    element: holder,
    show(stats) {
      bar.style.setProperty('--share', String(stats.press_active / Math.max(1, stats.users)));
      active.textContent = `Pressing now: ${stats.press_active}. Presses so far: ${stats.press}.`;
      return `${stats.press_active} are pressing.`;
    },
    choose: () => undefined,
    nameOf({ evtype }) {
      if (evtype === 'press_prompt_start_response') return 'pressed';
      return evtype === 'press_prompt_end_response' ? 'let go' : undefined;
    },
    enable(on) {
      if (!on) button.setAttribute('aria-pressed', 'false');
      button.disabled = !on;
    },
  };
}

export function element(kind, className = '', text = '') {
  const made = document.createElement(kind);
  if (className !== '') made.className = className;
  // Always as text: whatever a person wrote stays what they wrote.
  if (text !== '') made.textContent = text;
  return made;
}

const hues = [
  [15, 'Red'],
  [45, 'Orange'],
  [70, 'Yellow'],
  [160, 'Green'],
  [200, 'Teal'],
  [255, 'Blue'],
  [290, 'Purple'],
  [345, 'Pink'],
  [361, 'Red'],
];

/** A word for a color, for those who hear it. */
function colorName(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  const [most, least] = [Math.max(red, green, blue), Math.min(red, green, blue)];
  const spread = most - least;
  if (spread < 0.12) return most > 0.85 ? 'White' : most < 0.2 ? 'Black' : 'Gray';
  const sixth =
    most === red
      ? ((green - blue) / spread + 6) % 6
      : most === green
        ? (blue - red) / spread + 2
        : (red - green) / spread + 4;
  return hues.find(([below]) => sixth * 60 < below)[1];
}
