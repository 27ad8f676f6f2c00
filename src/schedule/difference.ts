/** What a replayed run did otherwise than the recorded one. */
export class Difference extends Error {
  /** True once the message says where it was. */
  isLocated = false;

  constructor(message: string) {
    super(message);
    this.name = 'Difference';
  }

  /** The same difference, told with its place. */
  at(place: string): Difference {
    const located = new Difference(`${place}${this.message}`);
    located.isLocated = true;
    return located;
  }
}
