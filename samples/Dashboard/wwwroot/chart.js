// One chart: the points of one topic, drawn by uPlot. Knows nothing of where they come from.

const seconds = { least: 60, most: 300 };
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = time => new Date(time * 1000).toTimeString().slice(0, time % 60 > 0 ? 8 : 5);

export class Chart {
  // topic, title; series: the names of the values in a point, each with its label.
  constructor(parent, { topic, title, series }) {
    this.names = Object.keys(series);
    // The first row is the time, as uPlot wants it.
    this.rows = [[], ...this.names.map(() => [])];
    this.gaps = [];
    const card = document.createElement('article');
    card.innerHTML = `<header><h2><a></a></h2><dl></dl></header><div class="plot"></div>`;
    const link = card.querySelector('a');
    link.textContent = title;
    link.href = location.search ? location.pathname : `?topic=${topic}`;
    link.title = location.search ? 'All charts' : 'This chart alone';
    this.values = Object.values(series).map(label => {
      const entry = document.createElement('div');
      entry.append(document.createElement('dt'), document.createElement('dd'));
      entry.firstChild.textContent = label;
      card.querySelector('dl').append(entry);
      return entry.lastChild;
    });
    parent.append(card);
    this.plot = this.#draw(card.querySelector('.plot'), Object.values(series));
  }

  // With isBroken the line is interrupted before the point: there may have been others.
  add(point, isBroken) {
    const [times] = this.rows;
    // A clock that was set back must not turn the line around.
    const time = Math.max(point.t, (times.at(-1) ?? 0) + 0.001);
    if (isBroken && times.length > 0) {
      this.gaps.push(time);
      this.#push(time - 0.0005, {});
    }
    this.#push(time, point);
    let old = 0;
    while (times[old] < time - seconds.most) old++;
    this.rows.forEach(row => row.splice(0, old));
    this.gaps = this.gaps.filter(gap => gap >= times[0]);
    // Many points may come at once, and are drawn once.
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.redraw(); });
  }

  redraw() {
    this.plot.setData(this.rows);
    this.#show(this.plot.cursor.idx);
  }

  #push(time, point) {
    this.rows[0].push(time);
    this.names.forEach((name, i) => this.rows[i + 1].push(point[name] ?? null));
  }

  // The values under the cursor, or the newest.
  #show(index) {
    this.values.forEach((element, i) => {
      const row = this.rows[i + 1];
      const value = index == null ? row.at(-1) : row[index];
      element.textContent = value == null ? '–' : value.toLocaleString(undefined, { maximumFractionDigits: 1 });
    });
  }

  #draw(element, labels) {
    const size = () => ({ width: element.clientWidth, height: element.clientHeight });
    const axis = { stroke: () => colour('--quiet'), grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false } };
    const plot = new uPlot({
      ...size(),
      legend: { show: false },
      padding: [null, 28, null, null],
      cursor: { sync: { key: 'dashboard' }, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { range: (_, first, last) => [Math.max(last - seconds.most, Math.min(last - seconds.least, first)), last] },
        y: { range: (_, least, most) => [0, Math.max(most * 1.15, 1)] },
      },
      axes: [
        { ...axis, size: 28, space: 70, values: (_, times) => times.map(clock) },
        { ...axis, size: 48, space: 35 },
      ],
      series: [
        {},
        ...labels.map((label, i) => ({
          label, width: 2, points: { show: false },
          stroke: () => colour(i === 0 ? '--first' : '--second'),
          fill: () => i === 0 ? colour('--first') + '1c' : null,
        })),
      ],
      hooks: { setCursor: [plot => this.plot && this.#show(plot.cursor.idx)], draw: [plot => this.#drawGaps(plot)] },
    }, this.rows, element);
    new ResizeObserver(() => plot.setSize(size())).observe(element);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot.redraw());
    return plot;
  }

  #drawGaps({ ctx, bbox, valToPos }) {
    ctx.save();
    ctx.strokeStyle = colour('--bad');
    ctx.setLineDash([4, 4]);
    for (const gap of this.gaps) {
      const x = valToPos(gap, 'x', true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }
}
