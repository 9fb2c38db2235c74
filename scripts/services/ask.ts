import { connect } from 'node:net';

/** How long an engine may take to answer a question before it is asked again, in milliseconds. */
const ANSWER_MS = 5_000;

/**
 * Sends a text to where a URL points, and waits for an answer.
 *
 * @returns what came back.
 * @throws if what comes back matches `wrong`, or the connection ends, or nothing matches `right` for 5 s.
 */
export async function ask(url: string, question: string, right: RegExp, wrong: RegExp): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('utf8').setTimeout(ANSWER_MS);
  try {
    return await new Promise<string>((resolve, reject) => {
      let answer = '';
      socket.on('data', (text) => {
        answer += text;
        if (wrong.test(answer)) reject(new Error(answer.trim()));
        else if (right.test(answer)) resolve(answer);
      });
      socket.once('timeout', () => reject(new Error(`no answer, only ${JSON.stringify(answer)}`)));
      socket.once('close', () => reject(new Error(`closed after ${JSON.stringify(answer)}`)));
      socket.once('error', reject);
      socket.write(question);
    });
  } finally {
    socket.destroy();
  }
}
