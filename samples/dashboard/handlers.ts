/** What the dashboard answers: one event stream, and the files of its page. */

import { readFile } from 'node:fs/promises';
import { inject, injectable } from 'inversify';
import { EventSourceHandler, RequestHandler } from 'tradewind';
import { type Machine, type Sample, Sampler } from './sampler.js';
import { Watchers } from './watchers.js';

/** A page comes back this soon after the stream broke off. */
const RETRY_MS = 1_000;

/**
 * Streams `machine` once, then a `sample` a second.
 *
 * Whoever comes back with a last event ID gets what it missed; a newcomer gets what comes, and with `?history` what is
 * kept as well. The samples are the channel's: they were encoded once, whoever many look on.
 */
@injectable()
export class EventsHandler extends EventSourceHandler<{ machine: Machine; sample: Sample }> {
  #leave = () => {};

  constructor(
    @inject(Sampler) private readonly sampler: Sampler,
    @inject(Watchers) private readonly watchers: Watchers,
  ) {
    super();
  }

  override async open() {
    this.#leave = this.watchers.watch();
    this.writeRetry(RETRY_MS);
    this.writeMessage('machine', this.sampler.describe());
    const start = this.query.has('history') ? 'earliest' : null;
    await this.subscribe(this.sampler.channel, { after: this.lastEventId || start });
  }

  override close() {
    this.#leave();
  }
}

export interface FileOptions {
  file: string | URL;
  type: string;
}

/** Answers one file, whatever is asked: no part of its path comes from the network. */
export class FileHandler extends RequestHandler {
  #options!: FileOptions;

  override initialize(options: FileOptions) {
    this.#options = options;
  }

  override async get() {
    this.setHeader('Content-Type', this.#options.type);
    this.setHeader('Cache-Control', 'no-cache');
    this.setHeader('Content-Security-Policy', "default-src 'self'; base-uri 'none'; frame-ancestors 'none'");
    this.setHeader('X-Content-Type-Options', 'nosniff');
    this.finish(await readFile(this.#options.file));
  }
}
