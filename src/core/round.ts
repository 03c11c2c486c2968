/** For people and programs that read figures: digits beyond these are noise. */
export const toThousandths = (value: number): number => Math.round(value * 1000) / 1000;

export const toTenths = (value: number): number => Math.round(value * 10) / 10;
