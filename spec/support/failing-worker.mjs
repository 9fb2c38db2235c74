// A worker for a spec of `inWorkers`: the one with index 1 ends at once, each time. It says what a worker says by itself, since a
// dozen of them that compile the source first would take a minute.
process.on('message', ({ do: what, index }) => {
  if (what === 'close') process.disconnect();
  else if (index === 1) process.exit(3);
  else process.send({ tradewind: 'worker', is: 'up' });
});
process.send({ tradewind: 'worker', is: 'there' });
