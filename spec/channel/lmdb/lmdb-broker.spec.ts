import { LmdbBroker } from '../../../src/channel/lmdb/lmdb-broker.js';
import { holdContract } from '../../support/hold-contract.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

holdContract(
  'LmdbBroker',
  async (t) => {
    const folder = await temporaryFolder(t);
    let opened = 0;
    return { open: ({ historyCount }) => new LmdbBroker({ path: `${folder}/${++opened}`, historyCount }) };
  },
  ['beside'],
);
