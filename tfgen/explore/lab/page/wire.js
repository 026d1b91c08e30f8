// The socket: one question at a time, each with its answer.

export class Refused extends Error {}

export class Wire {
  constructor(lost) {
    this.lost = lost;
    this.waiting = [];
    this.last = Promise.resolve();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/lab/play`);
    this.socket = socket;
    socket.onmessage = ({ data }) => this.heard(data);
    return new Promise((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onclose = () => {
        const error = new Refused(this.said ?? "The laboratory's server does not answer.");
        for (const { reject } of this.waiting.splice(0)) reject(error);
        reject(error);
        if (this.socket === socket) this.lost(error);
      };
    });
  }

  async heard(data) {
    const answer = JSON.parse(typeof data === "string" ? data : await data.text());
    const asked = this.waiting.shift();
    if (answer.kind === "error") {
      if (!asked) this.said = answer.message;
      asked?.reject(new Refused(answer.message));
    } else asked?.resolve(answer);
  }

  // Questions wait for each other, so that answers are in order.
  ask(message) {
    const answer = this.last.then(() => new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) throw new Refused("The connection is lost.");
      this.waiting.push({ resolve, reject });
      this.socket.send(JSON.stringify(message));
    }));
    this.last = answer.catch(() => {});
    return answer;
  }
}
