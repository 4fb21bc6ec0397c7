// What the server sends once, as files: codes, the real digits, grids of decoded images.

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

// The real digits: `of(index)` gives the grey values of one.
const readSheet = async (response, height, width) => {
  const bitmap = await readBitmap(response);
  const [columns, rows] = [bitmap.width / width, bitmap.height / height];
  const pixels = height * width;
  const grey = new Uint8Array(columns * rows * pixels);
  const canvas = scratchCanvas(bitmap.width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  for (let row = 0; row < rows; row++) {
    if (row % 20 === 19) await new Promise((resolve) => setTimeout(resolve)); // somebody drags
    context.drawImage(bitmap, 0, -row * height);
    const rgba = context.getImageData(0, 0, bitmap.width, height).data;
    for (let y = 0, from = 0; y < height; y++)
      for (let column = 0; column < columns; column++) {
        let to = (row * columns + column) * pixels + y * width;
        for (let x = 0; x < width; x++, from += 4) grey[to++] = rgba[from];
      }
  }
  bitmap.close();
  return { of: (index) => grey.subarray(index * pixels, (index + 1) * pixels) };
};

// The atlas as one contiguous block of grey values for each node of the grid. Its sheet has those of
// each pixel side by side: see planes.Atlas.
const readAtlas = async (response, height, width) => {
  const bitmap = await createImageBitmap(await response.blob());
  const size = bitmap.width / width;
  const canvas = scratchCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const pixels = height * width;
  const tiles = new Uint8Array(size * size * pixels);
  let from = 0;
  for (let y = 0; y < height; y++)
    for (let i = 0; i < size; i++)
      for (let x = 0; x < width; x++) {
        let to = i * size * pixels + y * width + x;
        for (let j = 0; j < size; j++, from += 4, to += pixels) tiles[to] = rgba[from];
      }
  bitmap.close();
  return { size, tiles };
};
