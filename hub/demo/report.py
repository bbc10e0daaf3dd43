"""The printed report of the demonstration: each level's part, figures, money, trouble, proof."""

from __future__ import annotations

from collections.abc import Iterable

from hub.cli.certificates import print_certificates
from hub.cli.history import Labels
from hub.cli.report import print_report
from hub.cli.terminal import Cell, Terminal
from hub.demo.faults import Fault
from hub.demo.figures import SOURCE
from hub.demo.measure import DRILL_DOWN
from hub.demo.network import Network
from hub.demo.outcome import Outcome, value_of
from hub.demo.progress import StepTime
from hub.demo.sheets import GENERATED_EN, GENERATED_ZH
from node.domain.english import counted
from node.domain.funds import FUNDS
from node.domain.numbers import yuan


class Report:
    """Prints one outcome, heading by heading."""

    def __init__(self, terminal: Terminal, network: Network, outcome: Outcome) -> None:
        self._terminal = terminal
        self._network = network
        self._outcome = outcome

    def print(self, steps: list[StepTime], seconds: float) -> None:
        self._title()
        self._certificates()
        self._levels()
        self._figures()
        self._communities()
        self._work()
        self._money()
        self._faults()
        self._conflicts()
        self._proof()
        self._times(steps, seconds)

    def _title(self) -> None:
        path = "/".join(p.name for p in (self._network.city, self._network.district,
                                         self._network.street))  # fmt: skip
        count, processes = len(self._network.all()), len(self._network.processes.names())
        self._line(
            f"四联演示：{path} 及 {len(self._network.communities)} 个社区，"
            f"{count} 个单位，{processes} 个进程",
            f"Silian demonstration: {path} and "
            f"{counted(len(self._network.communities), 'community', 'communities')}, "
            f"{counted(count, 'office')} in {counted(processes, 'process', 'processes')}",
        )
        self._line(f"{GENERATED_ZH}；数字出处：{SOURCE}", f"{GENERATED_EN}; figures: {SOURCE}")

    # -- who was let in ---------------------------------------------------------------------------

    def _certificates(self) -> None:
        found = self._outcome.enrolment
        self._heading("入网与证书", "Enrolment and certificates")
        self._line(f"市级颁发机构指纹 {found.authority}", f"the city's authority {found.authority}")
        self._table(
            ("邀请单位", "入网单位", "签名密钥指纹"),
            ("INVITED BY", "JOINED", "KEY"),
            [(each.inviter, each.name, each.key) for each in found.joined],
        )
        for place, certificates in (
            (self._network.city, found.city_issued),
            (self._network.district, found.district_issued),
        ):
            self._line(f"{place.name}的 silian cert ls：", f"silian cert ls at {place.name}:")
            print_certificates(self._terminal, certificates)

    # -- what happened at each level --------------------------------------------------------------

    def _levels(self) -> None:
        self._heading("各级情况", "At each level")
        done, moved = self._outcome.assignments, self._outcome.moved
        fen = {fund: sum(due.values()) for fund, due in moved.due_fen.items()}
        imported = sum(self._outcome.trouble.imported.values())
        rows = (
            (
                self._network.city.name,
                f"交办任务，安排资金 {yuan(fen['F1'] + fen['F3'])} 元，汇总全市数字",
                f"issued orders, appropriated {yuan(fen['F1'] + fen['F3'])} yuan, rolled up",
            ),
            (
                self._network.district.name,
                f"转发任务，1:1 配套 {yuan(fen['F2'])} 元",
                f"passed orders on, matched {yuan(fen['F2'])} yuan 1:1",
            ),
            (
                self._network.street.name,
                "转发任务并核验，下拨资金；断网、被强制终止后恢复",
                "passed orders on, verified, released; was cut off, killed, and recovered",
            ),
            (
                self._localized(f"{len(self._network.communities)} 个社区", "the communities"),
                f"导入台账，完成任务，支出资金；断网期间又导入 {imported} 条",
                f"imported registers, worked, spent; {counted(imported, 'more row')} while cut off",
            ),
        )
        self._table(
            ("单位", "情况"), ("OFFICE", "WHAT"), [(r[0], self._localized(*r[1:])) for r in rows]
        )
        records = self._outcome.records
        self._line(
            f"市级可见记录：社区写入 {records.written}，市级收到 {records.at_city_entitled}，"
            f"缺失 {records.missing}，不一致 {records.different}；任务环节 {done.dispatched}；"
            f"离开社区的住户和居民记录 {records.personal_above}",
            f"Records that the city may see: written {records.written}, "
            f"received by the city {records.at_city_entitled}, missing {records.missing}, "
            f"different {records.different}; households and residents that left a community: "
            f"{records.personal_above}",
        )

    # -- figures: the tables of `silian report` ---------------------------------------------------

    def _figures(self) -> None:
        self._heading("市级汇总", "The city's figures")
        print_report(self._terminal, self._outcome.reports.city, by_unit=False)
        self._line(
            "演示只运行一个街道，全市其余单位显示为未填报。",
            "Only one street runs here; the rest of the city shows as not reported.",
        )
        self._command("silian report")

    def _communities(self) -> None:
        self._heading("各社区情况", "The figures by community")
        print_report(self._terminal, self._outcome.reports.street, by_unit=True)
        street, indicators = self._network.street, ",".join(DRILL_DOWN)
        self._command(f"silian report --unit {street.name} --by community --indicator {indicators}")

    def _command(self, line: str) -> None:
        self._line(f"  用此命令查看：{line}", f"  The command for this: {line}")

    # -- work and money -------------------------------------------------------------------------

    def _work(self) -> None:
        self._heading("任务", "Work")
        done = self._outcome.assignments
        self._line(
            f"共 {done.dispatched} 个环节：完成 {done.completed}，拒绝 {done.declined}，"
            f"未结 {done.open}",
            f"{counted(done.dispatched, 'hop')}: {done.completed} completed, {done.declined} "
            f"declined, "
            f"{done.open} open",
        )
        for code, reason in self._outcome.declined.items():
            name = self._name(code)
            self._line(
                f"  {name}拒绝：{reason}；市里延期重发，已完成",
                f"  {name} declined: {reason}; asked again with more time, and done",
            )

    def _money(self) -> None:
        moved = self._outcome.moved
        self._heading(f"资金（{moved.year} 年，元）", f"Money ({moved.year}, yuan)")
        rows = []
        for line in self._outcome.funds:
            fund = FUNDS[line.fund]
            amounts = (line.appropriated_fen, line.held_fen, line.spent_fen, line.in_transit_fen,
                       line.disputed_fen, line.difference_fen)  # fmt: skip
            rows.append((line.fund, self._localized(fund.zh, fund.en), *map(yuan, amounts)))
        self._table(
            ("资金", "名称", "安排", "持有", "支出", "在途", "争议", "差额"),
            ("FUND", "NAME", "APPROPRIATED", "HELD", "SPENT", "IN TRANSIT", "DISPUTED",
             "DIFFERENCE"),
            rows,
        )  # fmt: skip
        whole = sum(line.difference_fen for line in self._outcome.funds)
        self._line(
            f"守恒核对（全部单位的账目）：安排 - 持有 - 支出 - 在途 - 争议 = {yuan(whole)}",
            "Conservation over every office's journal: "
            f"appropriated - held - spent - in transit - disputed = {yuan(whole)}",
        )
        if moved.unsigned:
            self._line(
                f"  {self._name(moved.unsigned)}尚未确认一笔到账，计为在途",
                f"  {self._name(moved.unsigned)} has not confirmed one release: it is in transit",
            )
        for each in moved.refused:
            self._line(
                f"  已拒绝 {each.office}：{each.zh}", f"  Refused at {each.office}: {each.en}"
            )

    # -- trouble ----------------------------------------------------------------------------------

    def _faults(self) -> None:
        self._heading("故障", "What was broken on purpose")
        for fault in self._outcome.trouble.faults:
            self._line(
                f"  {self._terminal.time(fault.at_ms)} {fault.zh}，"
                f"{fault.seconds:.1f} 秒后恢复{_counted(fault, zh=True)}",
                f"  {self._terminal.time(fault.at_ms)} {fault.en}, "
                f"back after {fault.seconds:.1f} s{_counted(fault, zh=False)}",
            )

    def _conflicts(self) -> None:
        found = self._outcome.conflicts
        self._heading("冲突", "Conflicts")
        self._line(
            f"未处理 {found.open}，未显示的值均已保留：{found.losers_kept}",
            f"{found.open} open; values not shown are kept: {found.losers_kept}",
        )
        office = self._network.city.office
        labels = Labels(self._terminal, office, (each.register for each in found.shown))
        for each in found.shown:
            what = f"{labels.register(each.register)} {labels.field(each.register, each.field)}"
            self._line(
                f"  {each.unit.name} {what}："
                f"显示“{value_of(each.shown.value)}”（{each.shown.unit.name}），"
                f"保留“{value_of(each.loser.value)}”（{each.loser.unit.name}）；"
                f"须由 {each.assignee.name} 处理；可见于 {'、'.join(found.shown_at[each.id])}",
                f"  {each.unit.name} {what}: "
                f"shows {value_of(each.shown.value)!r} ({each.shown.unit.name}), "
                f"keeps {value_of(each.loser.value)!r} ({each.loser.unit.name}); "
                f"{each.assignee.name} should decide; seen at {', '.join(found.shown_at[each.id])}",
            )
            self._line(
                f"    silian conflict show {each.id}",
                f"    silian conflict show {each.id}",
            )

    # -- proof ------------------------------------------------------------------------------------

    def _proof(self) -> None:
        self._heading("复算核对", "Verify")
        compared = sum(sum(each.compared.values()) for each in self._outcome.verified)
        count, different = len(self._outcome.verified), self._outcome.different
        self._line(
            f"{count} 个单位各自复算，共核对 {compared} 项，不一致 {different}",
            f"recomputed at {counted(count, 'office')}: {compared} compared, "
            f"{counted(different, 'difference')}",
        )
        for each in self._outcome.verified:
            for difference in each.differences:
                self._line(
                    f"  {each.place.name}：{difference}", f"  {each.place.name}: {difference}"
                )

    def _times(self, steps: list[StepTime], seconds: float) -> None:
        self._heading("用时", "Times")
        rows = [
            (self._localized(s.zh, s.name), f"{s.seconds:.1f}", f"{s.cpu_s:.1f}") for s in steps
        ]
        rows.append(("", f"{seconds:.1f}", f"{sum(s.cpu_s for s in steps):.1f}"))
        self._table(("步骤", "秒", "处理器秒"), ("STEP", "SECONDS", "CPU SECONDS"), rows)

    # -- texts ------------------------------------------------------------------------------------

    def _name(self, code: str) -> str:
        return next(place.name for place in self._network.all() if place.code == code)

    def _localized(self, zh: str, en: str) -> str:
        return self._terminal.localized(zh, en)

    def _line(self, zh: str, en: str) -> None:
        self._terminal.line(zh, en)

    def _heading(self, zh: str, en: str) -> None:
        self._terminal.line(f"\n== {zh}", f"\n== {en}")

    def _table(
        self, zh: Iterable[str], en: Iterable[str], rows: Iterable[tuple[Cell, ...]]
    ) -> None:
        self._terminal.table(tuple(zh) if self._terminal.zh else tuple(en), rows)


def _counted(fault: Fault, *, zh: bool) -> str:
    if "acknowledged" not in fault.detail:
        return ""
    made, lost = fault.detail["acknowledged"], fault.detail["lost"]
    if zh:
        return f"；此前已确认的修改 {made} 条，丢失 {lost} 条"
    return f"; {counted(int(made), 'edit was', 'edits were')} acknowledged before, {lost} lost"
