from btcwatcher_bot.heartbeat import Liveness, heartbeat_interval, heartbeat_state, is_progress, patience

LINE = "Bot heartbeat. PID=7, version='2026.9, strategy_version: 2', state='{}'"


def test_heartbeat_line_tells_the_state() -> None:
    for state in ("RUNNING", "PAUSED", "STOPPED", "RELOAD_CONFIG"):
        assert heartbeat_state("freqtrade.worker", LINE.format(state)) == state


def test_no_other_line_is_a_heartbeat() -> None:
    assert heartbeat_state("freqtrade.worker", "Changing state to: RUNNING") is None
    assert heartbeat_state("strategy", LINE.format("RUNNING")) is None, "a strategy cannot fake it by its own logger"


def test_retries_of_the_loop_are_progress() -> None:
    assert is_progress("freqtrade.exchange.common", "MainThread")
    assert not is_progress("freqtrade.exchange.common", "FTUvicorn")
    assert not is_progress("freqtrade.strategy.strategy_wrapper", "MainThread")


def test_start_is_no_hang_however_long_it_takes() -> None:
    liveness = Liveness(patience=10)
    liveness.progress(1)
    assert not liveness.came_round
    assert not liveness.hung(10_000)


def test_silence_beyond_patience_is_a_hang_until_the_loop_comes_round() -> None:
    liveness = Liveness(patience=10)
    liveness.heartbeat(100)
    assert not liveness.hung(110)
    assert liveness.hung(110.1)
    assert liveness.silent_for(130) == 30
    liveness.heartbeat(131)
    assert not liveness.hung(132)


def test_progress_after_the_first_round_is_a_sign_of_life() -> None:
    liveness = Liveness(patience=10)
    liveness.heartbeat(100)
    liveness.progress(109)
    assert not liveness.hung(115)


def test_interval_falls_back_where_the_config_would_blind_us() -> None:
    assert heartbeat_interval(15, 300) == 15
    assert heartbeat_interval(0, 300) == 15
    assert heartbeat_interval(None, 300) == 15
    assert heartbeat_interval("60", 300) == 15
    assert heartbeat_interval(True, 300) == 15
    assert heartbeat_interval(3600, 300) == 75


def test_patience_leaves_two_rounds() -> None:
    assert patience(300, 15, 5) == 300
    assert patience(300, 15, 600) == 1230
    assert patience(5, 1, None) == 12
