import { SeededRandom } from '../delivery/random.js';

/**
 * What a busy chat publishes, as JSON text of about 400 bytes: ids that nothing can shorten, a few dozen people in a few rooms,
 * 2 to 20 words, and the fields that such messages have beside. The same messages in each process.
 *
 * The words are drawn by themselves, each the less often the later it stands in the list. So no phrase repeats but by chance,
 * which makes it harder to compress than what people write; the list is short, which makes it easier.
 */
export class ChatTraffic {
  readonly #random = new SeededRandom(1);
  readonly #people = Array.from({ length: PEOPLE }, () => ({
    id: this.#random.below(1_000_000),
    name: `${this.#oneOf(FIRST_NAMES)} ${this.#oneOf(LAST_NAMES)}`,
    avatar: `https://chat.example/avatars/${this.#id()}.webp`,
    isOnline: this.#random.chance(0.7),
  }));
  #number = 0;
  #sentAt = Date.UTC(2026, 0, 1);
  #lastId: string | null = null;

  next(): string {
    this.#sentAt += this.#random.below(2_000);
    const id = this.#id();
    const message = {
      id,
      number: this.#number++,
      room: this.#oneOf(ROOMS),
      author: this.#oneOf(this.#people),
      sentAt: new Date(this.#sentAt).toISOString(),
      editedAt: null,
      replyTo: this.#random.chance(0.2) ? this.#lastId : null,
      text: this.#text(2 + this.#random.below(19)),
      mentions: [],
      attachments: [],
      reactions: this.#random.chance(0.1) ? [{ emoji: 'heart', count: 1 + this.#random.below(5) }] : [],
      isPinned: false,
    };
    this.#lastId = id;
    return JSON.stringify(message);
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    return items[this.#random.below(items.length)]!;
  }

  #id(): string {
    return Array.from({ length: 16 }, () => this.#random.below(16).toString(16)).join('');
  }

  #text(words: number): string {
    let text = '';
    let isFirst = true;
    for (let word = 0; word < words; word++) {
      const drawn = this.#word();
      text += isFirst ? `${drawn[0]!.toUpperCase()}${drawn.slice(1)}` : drawn;
      isFirst = word === words - 1 || this.#random.chance(0.12);
      text += isFirst ? this.#oneOf(ENDS) : this.#random.chance(0.06) ? ', ' : ' ';
    }
    return text.trimEnd();
  }

  /** The words' shares fall with their rank, as they do in a language. */
  #word(): string {
    const drawn = this.#random.next() * SHARES.at(-1)!;
    return WORDS[SHARES.findIndex((share) => drawn < share)]!;
  }
}

const PEOPLE = 60;
const ROOMS = ['general', 'random', 'support', 'release', 'design', 'incidents', 'lunch', 'music'];
const ENDS = ['. ', '. ', '. ', '! ', '? '];
const FIRST_NAMES =
  'Ada Alan Barbara Chidi Dana Edsger Fatima Grace Haruki Ines Jun Katherine Linus Mary Noor Olga Pedro Radia Sofia Yusuf'.split(
    ' ',
  );
const LAST_NAMES =
  'Almeida Berg Chen Diaz Eriksen Fischer Garcia Hopper Ito Johnson Kowalski Liskov Moreau Nakamura Okafor Perlman Rossi Silva Turing Varga'.split(
    ' ',
  );
const WORDS =
  `the to and a of is in it that for you on we with not this be are have but at if so as just was can I or they
what do all will from get me there up one my when like now out time know see then make about some would no more how think
new has here had who an been good way only back could day after people into over need even our work also did look these first
any because should where why still well want try use thing right yes never before today little much down already maybe last
again next really off same around very find tell ask week something both long better through keep while since done start put
run end old each sure always big help few point place team page call question line problem idea change again works together
hour morning evening later soon almost enough another without between under twice slow fast broken ready open close send read
write test build server client browser message event stream release version branch review merge deploy restart queue cache
memory error warning log metric graph number table list file folder button screen colour window door coffee lunch tea bread
music guitar song film book story train station bridge river garden weather rain snow summer winter holiday birthday friend
brother sister mother doctor teacher school office meeting calendar deadline budget customer contract invoice order shipping
parcel warehouse airport ticket hotel kitchen recipe garlic tomato orange banana dog cat horse bird forest mountain island
harbour lantern candle mirror pencil paper scissors hammer ladder bicycle engine wheel brake battery charger cable keyboard`.split(
    /\s+/,
  );
/** Of each word and all before it. */
const SHARES: number[] = [];
for (const rank of WORDS.keys()) SHARES.push((SHARES.at(-1) ?? 0) + 1 / (rank + 8));
