/** A token of a language model, in the 187 bytes or so in which it is sent. */
export function token(index: number, text: string): string {
  return `data: {"id":"chatcmpl-A1b2C3d4E5f6G7h8","object":"chat.completion.chunk","created":1763900000,"model":"doge-5","choices":[{"index":0,"delta":{"content":"${text}"},"n":${index % 10}}]}\n\n`;
}
