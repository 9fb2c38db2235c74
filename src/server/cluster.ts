/** All cores of a machine, `tradewind/cluster`: the function that starts the workers, and the broker that they share. */

export { ClusterBroker, type ClusterBrokerOptions } from '../channel/cluster/cluster-broker.js';
export { type Closeable, inWorkers, type Run, type WorkersOptions } from './in-workers.js';
