import Negotiator from 'negotiator';
import { quote } from '../../errors.js';
import { RequestHandler } from '../../handler/request-handler.js';
import type { OptionFaults } from '../../option-faults.js';
import { CONTENT_TYPES, type ContentType, HubMetrics } from './hub-metrics.js';

export interface MetricsHandlerOptions {
  /** What is told. */
  metrics: HubMetrics;
}

/**
 * Answers Prometheus: in its text format, or as OpenMetrics where the `Accept` header prefers that.
 *
 * It asks nobody who they are: mount it where only those come who may know, or subclass it and override {@link prepare}.
 *
 * @see https://prometheus.io/docs/instrumenting/content_negotiation/
 */
export class MetricsHandler extends RequestHandler {
  #metrics!: HubMetrics;

  /** @internal */
  static override checkOptions(options: object, faults: OptionFaults): void {
    const { metrics } = options as Partial<MetricsHandlerOptions>;
    if (!(metrics instanceof HubMetrics)) faults.add(`metrics ${quote(metrics)} is not a HubMetrics`);
  }

  override initialize({ metrics }: MetricsHandlerOptions): void {
    this.#metrics = metrics;
  }

  override async get(_params: object): Promise<void> {
    const preferred = new Negotiator(this.request).mediaType([...CONTENT_TYPES]) as ContentType | undefined;
    const contentType = preferred ?? CONTENT_TYPES[0];
    const text = await this.#metrics.render(contentType);
    this.setHeader('Content-Type', contentType);
    this.setHeader('Cache-Control', 'no-store');
    this.write(text);
  }
}
