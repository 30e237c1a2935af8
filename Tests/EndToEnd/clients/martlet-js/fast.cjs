// Makes the clock and the timers of a program run 100 times as fast: node --require ./fast.cjs PROGRAM
const { setTimeout: later, Date: { now } } = globalThis, start = now();
globalThis.setTimeout = (work, time, ...values) => later(work, time / 100, ...values);
Date.now = () => start + 100 * (now() - start);
