__global__ void relu_kernel(const float *in, float *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        out[i] = in[i] > 0.0f ? in[i] : 0.0f;
    }
}

extern "C" void torch_relu(const float *in, float *out, int n) {
    relu_kernel<<<(n + 255) / 256, 256>>>(in, out, n);
}
