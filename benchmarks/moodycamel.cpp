/* The queue of bench_own.py in C++: moodycamel's, from one thread to another. Prints notifications per second. */
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <concurrentqueue/blockingconcurrentqueue.h>

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    const long total = std::atol(words[1]);
    moodycamel::BlockingConcurrentQueue<long> queue;
    const auto begin = std::chrono::steady_clock::now();
    std::thread producer([&] {
        moodycamel::ProducerToken token(queue);
        for (long number = 0; number < total; number++)
            queue.enqueue(token, number);
    });
    long taken[256], seen = 0;
    while (seen < total)
        seen += static_cast<long>(queue.wait_dequeue_bulk(taken, 256));
    producer.join();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    std::printf("%.0f\n", static_cast<double>(total) / elapsed.count());
    return 0;
}
