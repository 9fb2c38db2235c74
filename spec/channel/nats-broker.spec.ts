import { NatsBroker, type NatsBrokerOptions } from '../../src/channel/nats-broker.js';
import { holdContract } from '../support/hold-contract.js';
import { engine } from '../support/services.js';

let streams = 0;

/** A stream, and subjects, that no other test has. */
function ownStream() {
  const name = `spec${process.pid}x${++streams}`;
  return { stream: name, prefix: name };
}

holdContract('NatsBroker', async (t) => {
  const servers = (await engine(t, 'nats'))!;
  let last: NatsBrokerOptions;
  return {
    open(options) {
      last = { servers, ...ownStream(), ...options };
      return new NatsBroker(last);
    },
    beside: () => new NatsBroker(last),
  };
});
