// What the server sends once, as files: codes, the real digits, grids of decoded images.

const SHEET_COLUMNS = 100; // real digits per row of their sheet

const readPoints = async (response) => {
  const buffer = await response.arrayBuffer();
  const count = buffer.byteLength / 9; // two float32 and one uint8 a point
  return {
    count,
    xy: new Float32Array(buffer, 0, 2 * count),
    labels: new Uint8Array(buffer, 8 * count, count),
  };
};

const readBitmap = async (response) => createImageBitmap(await response.blob());

// The atlas as one contiguous block of grey values for each node of the grid.
const readAtlas = async (response, height, width) => {
  const bitmap = await createImageBitmap(await response.blob());
  const size = bitmap.width / width;
  const canvas = scratchCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const tiles = new Uint8Array(size * size * height * width);
  let out = 0;
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++)
      for (let y = 0; y < height; y++) {
        let at = 4 * ((i * height + y) * bitmap.width + j * width);
        for (let x = 0; x < width; x++, at += 4) tiles[out++] = rgba[at];
      }
  bitmap.close();
  return { size, tiles };
};
